#!/usr/bin/env python3
"""Trains models/scene.tflite, the detector of the built-in scene, from nothing but the scene itself.

    cargo build --release --bin ocellus
    python3 -m venv .venv && .venv/bin/pip install -r models/requirements.txt
    .venv/bin/python models/train_scene.py --ocellus target/release/ocellus --out models

Frames come from many seeds, put into the tensor as the product does it (planes shrunk with an antialiased
triangle filter, then colour). The network is a small U of plain convolutions with two heads: parts at stride 16,
defects at stride 8, because a defect may lie in the very middle of its part. It is quantised to int8 after
training; only the last few operators, which turn the heads into boxes, stay float32, so that a box is not
rounded to 1/256 of the picture. Seed 2026 is never trained on: it is what the figures are measured on.
"""

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from tensorflow.lite.python.util import modify_model_io_type
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

WIDTH, HEIGHT, PAD = 320, 240, 114
LABELS = ["washer", "gear", "plate", "bracket", "defect"]
DEFECT = LABELS.index("defect")
STRIDES = [16, 8]
TAIL = "boxes"
# So many frames later every part in view is another one: no defect is seen twice.
TRAIN_STEP = 173
TEST_SEED, TEST_FRAMES, TEST_STEP = 2026, 300, 31
# Objects less visible than this at the frame's edge are neither wanted nor forbidden (VOC's "difficult").
CLEAR = 0.5


# ---- frames and truth ------------------------------------------------------------------------------------


def dump(binary, seed, frames, step, size):
    """Yields (planes Y, U, V; truth) of frames of the scene."""
    with tempfile.TemporaryDirectory() as folder:
        width, height = size
        command = [binary, "scene", "--seed", seed, "--frames", frames, "--step", step]
        command += ["--width", width, "--height", height, "--out", folder]
        subprocess.run([str(word) for word in command], check=True)
        lines = (Path(folder) / "truth.jsonl").read_text().splitlines()
        with open(Path(folder) / "frames.i420", "rb") as file:
            for line in lines:
                sizes = [(height, width), (height // 2, width // 2), (height // 2, width // 2)]
                planes = [np.frombuffer(file.read(h * w), np.uint8).reshape(h, w) for h, w in sizes]
                yield planes, json.loads(line)


def tensor_of(planes):
    """Planes to a letterboxed uint8 RGB tensor; also its scale and left and top bars, in tensor px."""
    height, width = planes[0].shape
    scale = min(WIDTH / width, HEIGHT / height)
    w, h = round(width * scale), round(height * scale)
    left, top = (WIDTH - w) // 2, (HEIGHT - h) // 2
    shrunk = [Image.fromarray(plane).resize((w, h), Image.BILINEAR) for plane in planes]
    y, u, v = [np.asarray(plane, np.float32) for plane in shrunk]
    y, u, v = (y - 16) * (255 / 219), (u - 128) * (255 / 224), (v - 128) * (255 / 224)
    rgb = np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], -1)
    out = np.full((HEIGHT, WIDTH, 3), PAD, np.uint8)
    out[top : top + h, left : left + w] = np.clip(rgb + 0.5, 0, 255)
    return out, scale, left, top


def objects_of(truth, scale, left, top):
    """Rows of (class, x0, y0, x1, y1 in tensor px, share visible)."""
    rows = []
    for part in truth["parts"]:
        found = [(LABELS.index(part["shape"]), part["rect"], part["visible"])]
        if part["defect"]:
            found.append((DEFECT, part["defect"]["rect"], part["defect"]["visible"]))
        for label, rect, visible in found:
            x0, y0, x1, y1 = (value * scale for value in rect)
            rows.append([label, x0 + left, y0 + top, x1 + left, y1 + top, visible])
    return np.array(rows, np.float32).reshape(-1, 6)


def load(binary, plan):
    """All frames of a plan of (seed, frames, step, size): tensors and their objects."""
    images, objects = [], []
    for entry in plan:
        for planes, truth in dump(binary, *entry):
            image, scale, left, top = tensor_of(planes)
            images.append(image)
            objects.append(objects_of(truth, scale, left, top))
    return np.stack(images), objects


# ---- what the heads should say ---------------------------------------------------------------------------


def targets_of(rows, stride):
    """For one head: grid × (class scores 5, box 4, positive, weight of the scores)."""
    gw, gh = WIDTH // stride, HEIGHT // stride
    out = np.zeros((gh, gw, 11), np.float32)
    out[..., 10] = 1
    ys, xs = np.mgrid[0:gh, 0:gw]
    px, py = (xs + 0.5) * stride, (ys + 0.5) * stride
    mine = rows[(rows[:, 0] == DEFECT) == (stride == STRIDES[1])]
    for label, x0, y0, x1, y1, visible in mine:
        cx, cy, w, h = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        near_x, near_y = max(0.22 * w, 0.5 * stride), max(0.22 * h, 0.5 * stride)
        inside = (abs(px - cx) <= near_x) & (abs(py - cy) <= near_y)
        around = (px > x0 - stride) & (px < x1 + stride) & (py > y0 - stride) & (py < y1 + stride)
        if visible < 0.3:
            out[around, 10] = 0
            continue
        out[inside, 0:5] = 0
        out[inside, int(label)] = 1
        out[inside, 5:9] = [cx, cy, w, h]
        out[inside, 9] = 1
    return out


# ---- the network -----------------------------------------------------------------------------------------


def block(x, channels, stride=1):
    x = tf.keras.layers.Conv2D(channels, 3, stride, padding="same", use_bias=False)(x)
    x = tf.keras.layers.BatchNormalization(momentum=0.9)(x)
    return tf.keras.layers.ReLU()(x)


def head(x, name):
    """Box (dx, dy, w, h in strides) and class logits of each cell."""
    box = tf.keras.layers.Conv2D(4, 1, bias_initializer=tf.constant_initializer([0, 0, 2, 2]), name=name + "_box")(x)
    score = tf.keras.layers.Conv2D(len(LABELS), 1, bias_initializer=tf.constant_initializer(-4.0), name=name + "_score")(x)
    return tf.keras.layers.Concatenate(name=name)([box, score])


class Doubled(tf.keras.layers.Layer):
    """Twice the width and height; one operator, where Keras' own layer becomes five."""

    def call(self, x):
        return tf.image.resize(x, [2 * x.shape[1], 2 * x.shape[2]], method="nearest")


def network():
    """RGB 0 to 1 in; two grids of box and logits out."""
    image = tf.keras.Input((HEIGHT, WIDTH, 3), name="image")
    x = block(block(image, 8, 2), 16, 2)
    fine = block(block(x, 32, 2), 32)
    coarse = block(block(block(fine, 48, 2), 48), 48)
    parts = head(coarse, "parts")
    up = tf.keras.layers.Conv2D(32, 1, use_bias=False)(coarse)
    up = tf.keras.layers.BatchNormalization(momentum=0.9)(up)
    up = Doubled()(up)
    fine = block(tf.keras.layers.ReLU()(tf.keras.layers.Add()([fine, up])), 32)
    return tf.keras.Model(image, [parts, head(fine, "defects")])


def cells(stride):
    """Centres of a head's cells in tensor px, H × W × 2."""
    ys, xs = np.mgrid[0 : HEIGHT // stride, 0 : WIDTH // stride]
    return np.stack([(xs + 0.5) * stride, (ys + 0.5) * stride], -1).astype(np.float32)


def overlap(a, b):
    """Generalised IoU (Rezatofighi et al. 2019) of boxes (cx, cy, w, h)."""
    a_wh, b_wh = tf.maximum(a[..., 2:], 0.5), tf.maximum(b[..., 2:], 0.5)
    a0, a1, b0, b1 = a[..., :2] - a_wh / 2, a[..., :2] + a_wh / 2, b[..., :2] - b_wh / 2, b[..., :2] + b_wh / 2
    both = tf.reduce_prod(tf.maximum(tf.minimum(a1, b1) - tf.maximum(a0, b0), 0), -1)
    union = tf.reduce_prod(a_wh, -1) + tf.reduce_prod(b_wh, -1) - both
    hull = tf.reduce_prod(tf.maximum(a1, b1) - tf.minimum(a0, b0), -1)
    return both / union - (hull - union) / hull


def loss_of(out, target, stride):
    """Focal loss (Lin et al. 2017) of the scores, GIoU and L1 of the boxes."""
    logits, want = out[..., 4:], target[..., :5]
    probability = tf.sigmoid(logits)
    cross = tf.nn.sigmoid_cross_entropy_with_logits(want, logits)
    focus = tf.where(want > 0.5, 0.6 * (1 - probability) ** 2, 0.4 * probability**2)
    positive = target[..., 9]
    count = tf.reduce_sum(positive) + 1
    scores = tf.reduce_sum(focus * cross * target[..., 10:11]) / count
    box = tf.concat([out[..., :2] * stride + cells(stride), out[..., 2:4] * stride], -1)
    shift = tf.reduce_sum(tf.abs(box - target[..., 5:9]), -1) / stride
    boxes = tf.reduce_sum(positive * (1 - overlap(box, target[..., 5:9]) + 0.25 * shift)) / count
    return 4 * scores + boxes


def mirrored(images, targets, across, down):
    """A batch and its targets, mirrored left to right, top to bottom, both or not at all."""
    for axis, size, centre, do in [(2, WIDTH, 5, across), (1, HEIGHT, 6, down)]:
        if do:
            images = np.flip(images, axis)
            targets = [np.flip(target, axis).copy() for target in targets]
            for target in targets:
                target[..., centre] = size - target[..., centre]
    return [images, *targets]


def train(images, objects, epochs, batch, weights):
    targets = [np.stack([targets_of(rows, stride) for rows in objects]) for stride in STRIDES]
    model, steps = network(), len(images) // batch
    schedule = tf.keras.optimizers.schedules.CosineDecay(1e-4, epochs * steps, alpha=0.01, warmup_target=4e-3, warmup_steps=steps // 2)
    optimizer = tf.keras.optimizers.AdamW(schedule, weight_decay=5e-4)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(image, parts, defects):
        with tf.GradientTape() as tape:
            outs = model(tf.cast(image, tf.float32) / 255, training=True)
            losses = [loss_of(o, t, s) for o, t, s in zip(outs, [parts, defects], STRIDES)]
            loss = tf.add_n(losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, 10.0)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return losses

    order = np.random.default_rng(1)
    for epoch in range(epochs):
        shuffled, sums = order.permutation(len(images)), np.zeros(2)
        for i in range(steps):
            pick = np.sort(shuffled[i * batch : (i + 1) * batch])
            seen = mirrored(images[pick], [target[pick] for target in targets], *order.integers(0, 2, 2))
            sums += [float(x) for x in step(*seen)]
        model.save_weights(weights)
        print(f"epoch {epoch + 1}/{epochs}: loss parts {sums[0] / steps:.3f}, defects {sums[1] / steps:.3f}", flush=True)
    return model


# ---- the file --------------------------------------------------------------------------------------------


def decoder(model):
    """The network with its heads decoded: uint8-range RGB in 0 to 1 to [1, 4 + classes, N], where boxes
    (cx, cy, w, h) are shares of the tensor's size and scores are 0 to 1. The names of the operators that
    turn heads into boxes begin with TAIL."""
    names = [name + kind for name in ["parts", "defects"] for kind in ["_box", "_score"]]
    heads = tf.keras.Model(model.input, [model.get_layer(name).output for name in names])
    size = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32)

    @tf.function(input_signature=[tf.TensorSpec([1, HEIGHT, WIDTH, 3], tf.float32, name="image")])
    def decode(image):
        outs = heads(image, training=False)
        with tf.name_scope(TAIL):
            boxes, scores = [], []
            for stride, box, score in zip(STRIDES, outs[0::2], outs[1::2]):
                count = (WIDTH // stride) * (HEIGHT // stride)
                centre = np.zeros((1, count, 4), np.float32)
                centre[..., :2] = cells(stride).reshape(count, 2)
                boxes.append(tf.reshape(box, [1, count, 4]) * (stride / size) + centre / size)
                scores.append(tf.reshape(score, [1, count, len(LABELS)]))
            joined = tf.concat([tf.concat(boxes, 1), tf.sigmoid(tf.concat(scores, 1))], 2)
            return {"detections": tf.transpose(joined, [0, 2, 1])}

    # Constants instead of variables, so that the converter folds the normalisation into the convolutions.
    return convert_variables_to_constants_v2(decode.get_concrete_function())


def tail_of(model):
    """Names of the operators after the heads, as the converter calls them."""
    plain = tf.lite.TFLiteConverter.from_concrete_functions([decoder(model)]).convert()
    interpreter = tf.lite.Interpreter(model_content=plain)
    names = {tensor["name"] for tensor in interpreter.get_tensor_details()}
    return sorted(name for name in names if name.startswith(TAIL) or name == "Identity")


def quantise(model, images):
    """The bytes of the .tflite file: int8 throughout, but for the operators of the tail."""
    def examples():
        # Black and white pin the input's scale to 1/255 and its zero point to 0.
        yield [np.linspace(0, 1, WIDTH * HEIGHT * 3, dtype=np.float32).reshape(1, HEIGHT, WIDTH, 3)]
        for image in images:
            yield [image[None].astype(np.float32) / 255]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([decoder(model)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=tail_of(model))
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=examples, debug_options=options
    )
    # The debugger leaves a float input: take the operator that quantises it away.
    return modify_model_io_type(debugger.get_nondebug_quantized_model(), tf.uint8, tf.float32)


# ---- the measure -----------------------------------------------------------------------------------------


def run(path, images):
    """Detections of each image: rows of (class, score, x0, y0, x1, y1 in tensor px), best first, after NMS."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    for image in images:
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        yield kept(interpreter.get_tensor(made["index"])[0])


def kept(out, least=0.01, most=0.5):
    """Candidates of `least` score, without those that overlap a better one of their class by more than `most`."""
    boxes = out[:4].T * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    boxes = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)
    label, score = out[4:].argmax(0), out[4:].max(0)
    found = []
    for i in np.argsort(-score, kind="stable")[: min(300, (score >= least).sum())]:
        row = np.concatenate([[label[i], score[i]], boxes[i]])
        if all(row[0] != other[0] or iou(row[2:], other[2:]) <= most for other in found):
            found.append(row)
    return np.array(found).reshape(-1, 6)


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def average_precision(label, found, objects):
    """AP@0.5 over all points of the curve; objects less visible than CLEAR are neither misses nor false calls."""
    calls, wanted, taken = [], 0, set()
    for frame, rows in enumerate(objects):
        wanted += int(((rows[:, 0] == label) & (rows[:, 5] >= CLEAR)).sum())
        calls += [(row[1], frame, row[2:]) for row in found[frame] if row[0] == label]
    hits = []
    for _, frame, box in sorted(calls, key=lambda call: -call[0]):
        rows = [(iou(box, r[1:5]), i, r[5]) for i, r in enumerate(objects[frame]) if r[0] == label]
        rows = [r for r in rows if r[0] >= 0.5]
        free = [r for r in rows if r[2] >= CLEAR and (frame, r[1]) not in taken]
        if free:
            taken.add((frame, max(free)[1]))
            hits.append(1)
        elif not any(r[2] < CLEAR for r in rows):
            hits.append(0)
    right = np.cumsum(hits)
    precision = np.maximum.accumulate((right / (np.arange(len(hits)) + 1))[::-1])[::-1]
    return float((precision * np.array(hits)).sum() / max(wanted, 1))


def report(path, binary):
    """AP@0.5 by class on the seed that is never trained on."""
    images, objects = load(binary, [(TEST_SEED, TEST_FRAMES, TEST_STEP, (640, 480))])
    found = list(run(path, images))
    result = {name: round(average_precision(i, found, objects), 4) for i, name in enumerate(LABELS)}
    return {"mAP@0.5": round(sum(result.values()) / len(result), 4), **result}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ocellus", required=True, help="the program; `ocellus scene` paints the pictures")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for scene.tflite")
    parser.add_argument("--seeds", type=int, default=72, help="training seeds, counted from 1")
    parser.add_argument("--frames", type=int, default=36, help="frames of each seed")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=0, help="0: one for each core")
    parser.add_argument("--only-measure", action="store_true", help="measure the scene.tflite that is there")
    arguments = parser.parse_args()
    path = arguments.out / "scene.tflite"
    if not arguments.only_measure:
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
        tf.keras.utils.set_random_seed(1)
        # One seed in four is of another shape: letterboxed, and its parts are smaller.
        sizes = {seed: (640, 360) if seed % 4 == 0 else (640, 480) for seed in range(1, arguments.seeds + 1)}
        images, objects = load(arguments.ocellus, [(seed, arguments.frames, TRAIN_STEP, size) for seed, size in sizes.items()])
        print(f"{len(images)} frames, {sum(len(rows) for rows in objects)} objects", flush=True)
        model = train(images, objects, arguments.epochs, arguments.batch, arguments.out / "scene.weights.h5")
        path.write_bytes(quantise(model, images[:: max(1, len(images) // 200)]))
    print(f"{path.name}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    print(json.dumps(report(path, arguments.ocellus)))


if __name__ == "__main__":
    main()
