"""Ocellus and its Python peer in turn on the same file, model and broker: A B A B, medians.

usage: side_by_side.py [--rounds 5] [--only peer|ocellus] --video FILE --model FILE. Prints a table, then one line of JSON.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

from measure import free_port, measure

HERE = pathlib.Path(__file__).resolve().parent
OCELLUS = HERE.parents[1] / "target/release/ocellus"
CONFIG = """
[device]
name = "bench"
state_dir = "{state}"
[mqtt]
url = "mqtt://127.0.0.1:{port}"
[model.scene]
path = "{model}"
task = "classify"
mean = [127.5, 127.5, 127.5]
std = [127.5, 127.5, 127.5]
resize = "bilinear"  # as the peer does it
[[camera]]
name = "front"
source = "file://{video}"
pace = "{pace}"
detect = {{ model = "scene", every = 1, min_score = 0.0 }}
"""


def run_peer(args, paced: bool) -> dict:
    command = [sys.executable, str(HERE / "threads.py"), "--video", args.video, "--model", args.model]
    return measure("peer/detections", [*command, "--port", "{port}", "--fps", "30" if paced else "0"])


def run_ocellus(args, paced: bool) -> dict:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "ocellus.toml")
        pace = "live" if paced else "max"
        config.write_text(
            CONFIG.format(state=f"{folder}/state", port=port, model=args.model, video=args.video, pace=pace)
        )
        command = [str(OCELLUS), "run", "--config", str(config)]
        return measure("ocellus/bench/camera/front/detections", command, port=port)


SERVICES = {"peer": run_peer, "ocellus": run_ocellus}
COLUMNS = ["fps", "cpu_ms_per_frame", "pss_mib", "rss_mib", "first_message_ms", "p50", "p99"]


def flat(result: dict) -> dict:
    return {**result, **result["latency_ms"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", required=True, type=lambda p: str(pathlib.Path(p).resolve()))
    parser.add_argument("--model", required=True, type=lambda p: str(pathlib.Path(p).resolve()))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=SERVICES)
    args = parser.parse_args()

    services = [args.only] if args.only else list(SERVICES)
    result: dict = {}
    print(f"{'':22}" + "".join(f"{name:>18}" for name in COLUMNS))
    for mode in ("unpaced", "paced"):
        rounds: dict = {name: [] for name in services}
        for _ in range(args.rounds):
            for name in services:  # in turn: what else the machine does falls on both
                rounds[name].append(flat(SERVICES[name](args, mode == "paced")))
        for name, runs in rounds.items():
            medians = {key: statistics.median(run[key] for run in runs) for key in COLUMNS}
            result.setdefault(mode, {})[name] = medians
            print(f"{name + ' ' + mode:22}" + "".join(f"{medians[key]:>18.2f}" for key in COLUMNS), flush=True)
        if len(services) == 2:
            ours, theirs = result[mode]["ocellus"], result[mode]["peer"]
            ratios = [ours[key] / theirs[key] for key in COLUMNS]
            print(f"{'ocellus / peer':22}" + "".join(f"{ratio:>18.3f}" for ratio in ratios), flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
