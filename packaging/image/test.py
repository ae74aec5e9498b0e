"""`make test-image`: the image in QEMU. test.py TOOLS STEP...; test.sh prepares what it needs. Each step prints its time."""

import os, re, subprocess, sys, time
from guest import Guest

TOOLS = os.path.abspath(sys.argv[1])
WORK = os.path.join(TOOLS, "work")
NAME = os.environ.get("NAME", "box")
DISK = os.path.join(WORK, f"{NAME}.img")
BUNDLES = os.path.join(WORK, "bundles.img")
PORT = int(os.environ.get("BROKER_PORT", "18843"))
READY_S = int(os.environ.get("READY_S", "900"))
began = time.monotonic()
figures = {}


def say(text):
    print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)


def check(truth, words, guest=None):
    if truth:
        return
    if guest:
        print(guest.console()[-3000:], file=sys.stderr)
    raise AssertionError(words)


def copy_disk():
    """A fresh disk, larger than the image."""
    subprocess.run(["cp", "--sparse=always", os.path.join(WORK, "first.img"), DISK], check=True)
    os.truncate(DISK, 4 << 30)


class Broker:
    """mosquitto on loopback and a subscriber that writes down every inspection it got."""

    def __init__(self):
        self.file = os.path.join(WORK, f"{NAME}.events")
        conf = os.path.join(WORK, f"{NAME}.mosquitto.conf")
        with open(conf, "w") as out:
            out.write(f"listener {PORT} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self.out = open(self.file, "wb")
        self.server = subprocess.Popen(["chroot", TOOLS, "mosquitto", "-c", f"/work/{NAME}.mosquitto.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # It ends at once while the broker does not listen yet.
        for _ in range(60):
            self.client = subprocess.Popen(["chroot", TOOLS, "mosquitto_sub", "-h", "127.0.0.1", "-p", str(PORT), "-i", "witness", "-q", "1", "-F", "%t %p",
                                            "-t", "ocellus/#"], stdout=self.out, stderr=subprocess.DEVNULL)
            time.sleep(2)
            if self.client.poll() is None:
                return
        raise RuntimeError(f"no broker listens on 127.0.0.1:{PORT}")

    def messages(self):
        for line in open(self.file, "rb"):
            topic, _, payload = line.decode(errors="replace").partition(" ")
            yield topic, payload

    def texts(self):
        """The texts of the triggers whose inspections arrived, with how often each came."""
        seen = {}
        for topic, payload in self.messages():
            if topic.endswith("/inspection"):
                for text in set(re.findall(r"part-[0-9]+", payload)):
                    seen[text] = seen.get(text, 0) + 1
        return seen

    def end(self):
        for process in (self.client, self.server):
            process.terminate()
            process.wait()


class Triggers:
    """Sends numbered parts and remembers which were answered."""

    def __init__(self):
        self.count, self.answered = 0, {}

    def send(self, guest):
        self.count += 1
        guest.send_line(f"TRIG part-{self.count}")

    def collect(self, guest, wait=0.2):
        for line in guest.lines(wait):
            found = re.match(r"(part-[0-9]+) (\w+) (\d+)", line)
            if found:
                self.answered[found[1]] = found[2]

    def run(self, guest, seconds, every=1.0):
        """Sends triggers for so long, and collects the answers up to the very end."""
        until = time.monotonic() + seconds
        following = 0
        while time.monotonic() < until:
            if time.monotonic() >= following:
                self.send(guest)
                following = time.monotonic() + every
            self.collect(guest, 0.05)


def wait_good(guest, timeout=None, after=0):
    """Waits until the box confirmed its system; returns the slot."""
    guest.wait_console(r"slot [AB] is confirmed", timeout or READY_S, after)
    guest.wait_shell(120)
    return slot(guest)


def slot(guest):
    return re.search(r"rauc\.slot=(\w)", guest.run("cat /proc/cmdline"))[1]


def version(guest):
    return re.search(r'IMAGE_VERSION=(\S+)', guest.run("grep IMAGE_VERSION /etc/os-release"))[1]


def whole(guest):
    """Configuration and stored things are whole: sums that were taken at first hold."""
    out = guest.run("cd /data && sha256sum -c --quiet /data/sums; ocellus check --config /etc/ocellus/ocellus.toml; ls -d /data/ocellus/*.corrupt* 2>/dev/null", 120)
    check("FAILED" not in out and ": ok:" in out and "corrupt" not in out, f"configuration or stored files are damaged: {out}", guest)


def mount_bundles(guest):
    guest.run("mkdir -p /run/bundles && { mountpoint -q /run/bundles || mount -o ro /dev/disk/by-label/BUNDLES /run/bundles; }")


def step_first(broker):
    """First start: growth, provisioning from a stick, triggers, no login."""
    global box
    copy_disk()
    guest = box = Guest(TOOLS, DISK, NAME, stick=os.path.join(WORK, "stick.img"), network=PORT, bundles=BUNDLES)
    check(wait_good(guest) == "A", "the first start is not slot A", guest)
    figures["first start to confirmed, s and CPU s"] = (round(time.monotonic() - guest.began), round(guest.cpu()))
    console = guest.console()
    print("\n".join("           console: " + line for line in console.splitlines() if "provision" in line))
    size = int(guest.run("df --output=size -m /data | tail -n1"))
    check(size > 2000, f"/data did not grow: {size} MiB", guest)
    say(f"/data has grown to {size} MiB")
    config = guest.run("cat /etc/ocellus/ocellus.toml")
    check('name = "line3"' in config and "10.0.2.100" in config, f"provisioning was not applied: {config[:600]}", guest)
    check(guest.run("cat /data/ocellus/users | cut -c 1-8").startswith("#") or "anna" in guest.run("cat /data/ocellus/users"), "the user is missing", guest)
    check(guest.run("hostname") == "line3", "the host has not the device's name", guest)
    say("provisioned from the stick: name, broker, user")
    print(guest.run("systemd-analyze; systemd-analyze critical-chain ocellus.service --no-pager | sed 's/\\x1b[^m]*m//g' | head -n 12", 60))
    out = guest.run("systemctl --failed --no-legend --no-pager")
    check(not out.strip(), f"failed units: {out}", guest)
    triggers = Triggers()
    triggers.run(guest, 20)
    triggers.collect(guest, 10)
    check(triggers.answered, "no trigger was answered", guest)
    say(f"{len(triggers.answered)} of {triggers.count} triggers answered: {sorted(set(triggers.answered.values()))}")
    guest.run("mkdir -p /data/ocellus/goldens && echo kept >/data/ocellus/marker; cd /data && sha256sum etc/ocellus/ocellus.toml etc/ocellus/recipes/bars.toml ocellus/users ocellus/marker machine-id hostname >/data/sums; sync")


def reboot_to(guest, what):
    """Restarts the box and waits until a system is confirmed."""
    mark = len(guest.console())
    guest.run("(sleep 1; systemctl reboot) >/dev/null 2>&1 &")
    found = wait_good(guest, after=mark)
    say(f"{what}: slot {found}, version {version(guest)}, starts seen on the console: {len(re.findall('slot [AB] starts', guest.console()[mark:]))}")
    return found


box = None


def running():
    """The box as the step before left it; started where it does not run."""
    global box
    if box is None or box.process.poll() is not None:
        box = Guest(TOOLS, DISK, NAME, network=PORT, bundles=BUNDLES)
        wait_good(box)
    mount_bundles(box)
    return box


def step_refusals(broker):
    """Bundles that must be refused, each with its clear words; nothing changes."""
    guest = running()
    before = guest.run("ocellus-update --status")
    for name, words in (("stranger", "not signed by a key that this box trusts"), ("machine", "is for the machine"),
                        ("cut", "cut off or damaged"), ("older", "which is older than version"), ("absent", "there is no file")):
        out = guest.run(f"ocellus-update /run/bundles/{name}.raucb", 300)
        print("           " + out.replace("\n", "\n           "))
        check(guest.code == 1 and words in out, f"{name}: {guest.code} {out}", guest)
    check(guest.run("ocellus-update --status") == before, "a refused bundle has changed something", guest)
    say("5 bundles refused, nothing changed")


def step_update(broker):
    """Update to a new version, a broken one that falls back by itself, rollback by command."""
    guest = running()
    check(slot(guest) == "A", "expected slot A", guest)
    started = time.monotonic()
    out = guest.run("ocellus-update /run/bundles/next.raucb", 900)
    print("           " + out.replace("\n", "\n           "))
    check(guest.code == 0, out, guest)
    figures["update installed and verified, s"] = round(time.monotonic() - started)
    check(reboot_to(guest, "update") == "B", "the new version does not run", guest)
    check(version(guest) == "0.2.0", version(guest), guest)
    whole(guest)
    figures["update, restart and confirmation, s"] = round(time.monotonic() - started)
    mount_bundles(guest)
    out = guest.run("ocellus-update --rollback")
    print("           " + out)
    check(guest.code == 0, out, guest)
    check(reboot_to(guest, "rollback by command") == "A", "the old version does not run", guest)
    check(version(guest) == "0.1.0", version(guest), guest)
    whole(guest)
    mount_bundles(guest)
    started = time.monotonic()
    out = guest.run("ocellus-update /run/bundles/broken.raucb", 900)
    check(guest.code == 0, out, guest)
    mark = len(guest.console())
    check(reboot_to(guest, "broken update") == "A", "it did not fall back", guest)
    check(version(guest) == "0.1.0", version(guest), guest)
    text = guest.console()[mark:]
    check("restarts with the system before it" in text and "did not become ready" in text, "the console does not say what happened", guest)
    tries = len(re.findall("slot [AB] starts", text))
    check(tries == 2, f"{tries} starts instead of 2", guest)
    whole(guest)
    figures["broken update to the old version confirmed, s"] = round(time.monotonic() - started)
    out = guest.run("ocellus-update --rollback")
    print("           " + out)
    check(guest.code == 1 and "holds no system that can start" in out, out, guest)


def main():
    global box
    broker = Broker()
    code = 0
    try:
        for name in sys.argv[2:]:
            say(f"== {name}: {globals()['step_' + name].__doc__.splitlines()[0]}")
            globals()["step_" + name](broker)
            say(f"== {name}: passed")
    except (AssertionError, TimeoutError, RuntimeError) as error:
        say(f"FAILED: {error}")
        code = 1
    finally:
        if box:
            box.cut()
        broker.end()
    for name, value in figures.items():
        print(f"figure: {name}: {value}")
    sys.exit(code)


main()
