"""A box in QEMU for test.py: console, a root shell on its second serial port, triggers on its third."""

import os, re, resource, signal, socket, subprocess, time


class Guest:
    """One run of the virtual box from power on to power off or cut. Times are seconds of wall clock."""

    def __init__(self, tools, disk, name="box", stick=None, efi=False, memory=1024, network=None,
                 bundles=None):
        self.tools, self.name = tools, name
        work = os.path.join(tools, "work")
        self.console_file = os.path.join(work, f"{name}.console")
        self.shell_path, self.line_path = (os.path.join(work, f"{name}.{kind}") for kind in ("shell", "line"))
        for path in (self.console_file, self.shell_path, self.line_path):
            if os.path.exists(path):
                os.remove(path)
        inner = lambda path: path.removeprefix(tools)
        command = ["chroot", tools, "qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "Opteron_G3",
                   "-smp", os.environ.get("SMP", "2"), "-m", str(memory), "-display", "none", "-vga", "none", "-monitor", "none",
                   "-serial", f"file:{inner(self.console_file)}",
                   "-serial", f"unix:{inner(self.shell_path)},server=on,wait=off",
                   "-serial", f"unix:{inner(self.line_path)},server=on,wait=off",
                   "-drive", f"file={inner(disk)},format=raw,if=virtio,cache=writeback",
                   "-device", "i6300esb", "-action", "watchdog=reset", "-rtc", "base=utc"]
        if efi:
            command += ["-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"]
        if stick:
            command += ["-drive", f"file={inner(stick)},format=raw,if=none,id=stick,readonly=on", "-device", "qemu-xhci",
                        "-device", "usb-storage,drive=stick"]
        if bundles:
            command += ["-drive", f"file={inner(bundles)},format=raw,if=virtio,readonly=on"]
        if network:
            # The guest reaches this one port of the host's loopback, and nothing else.
            command += ["-netdev", f"user,id=n,restrict=on,guestfwd=tcp:10.0.2.100:1883-cmd:busybox nc 127.0.0.1 {network}",
                        "-device", "virtio-net-pci,netdev=n"]
        else:
            command += ["-nic", "none"]
        self.began = time.monotonic()
        # TimedOut and children's CPU time are read from this process alone: chroot executes QEMU in its place.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.panics = False
        self.shell = self.line = None
        self.shell_seen = self.line_seen = b""

    def console(self):
        try:
            return open(self.console_file, "rb").read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def cpu(self):
        """Seconds of processor time that QEMU has used."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connect(self, path):
        for _ in range(100):
            try:
                end = socket.socket(socket.AF_UNIX)
                end.connect(path)
                end.settimeout(0.2)
                return end
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.1)
        raise RuntimeError(f"QEMU opened no {path}")

    def run(self, command, timeout=120):
        """Output of a command in the box's root shell. Raises TimeoutError."""
        if self.shell is None:
            self.shell = self.connect(self.shell_path)
        mark = f"END{time.monotonic_ns()}"
        text = f" {{ {command}\n}} 2>&1; echo {mark[:3]}''{mark[3:]} $?\n"
        self.shell.sendall(text.encode())
        seen, until = b"", time.monotonic() + timeout
        while time.monotonic() < until:
            try:
                part = self.shell.recv(65536)
                if not part:
                    raise TimeoutError("the box is gone")
                seen += part
            except socket.timeout:
                self.alive()
                continue
            found = re.search(mark.encode() + rb" (\d+)", seen)
            if found:
                body = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\r", "", seen[:found.start()].decode(errors="replace"))
                self.code = int(found[1])
                # The echo of the command and the prompt go.
                return body.split(f"{mark[:3]}''{mark[3:]} $?\n", 1)[-1].strip()
        raise TimeoutError(f"no end of: {command}; so far {seen[-300:]!r}")

    def alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"QEMU ended with {self.process.returncode}")
        if not self.panics and "Kernel panic" in self.console():
            raise RuntimeError("the kernel panicked: " + self.console()[-1500:])

    def wait_shell(self, timeout=600):
        """Waits until the root shell answers."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            self.alive()
            try:
                if "alive" in self.run("echo alive; stty -echo -onlcr; bind 'set enable-bracketed-paste off'; PS1= PS2= PROMPT_COMMAND=", timeout=5):
                    return
            except TimeoutError:
                continue
        raise TimeoutError("the shell does not answer; console: " + self.console()[-1500:])

    def wait_console(self, words, timeout=600, after=0):
        """Waits for words (a regular expression) on the console; returns the position behind them."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            found = re.compile(words).search(self.console(), after)
            if found:
                return found.end()
            self.alive()
            time.sleep(0.3)
        raise TimeoutError(f"the console does not show {words!r}; its end: " + self.console()[-1500:])

    def send_line(self, text):
        if self.line is None:
            self.line = self.connect(self.line_path)
        self.line.sendall(text.encode() + b"\n")

    def lines(self, wait=0.2):
        """Whole lines that came over the trigger port since the last call."""
        if self.line is None:
            self.line = self.connect(self.line_path)
        self.line.settimeout(wait)
        try:
            while True:
                part = self.line.recv(65536)
                if not part:
                    break
                self.line_seen += part
                self.line.settimeout(0.02)
        except socket.timeout:
            pass
        *whole, self.line_seen = self.line_seen.split(b"\n")
        return [one.decode(errors="replace").strip() for one in whole]

    def cut(self):
        """Power cut: the process of this box alone is killed."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for end in (self.shell, self.line):
            if end:
                end.close()
        self.shell = self.line = None
