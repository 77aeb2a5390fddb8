// Charts over the frames, stacked on a common time axis.

const PAD = { left: 46, right: 10, top: 20, bottom: 6 };
const AXIS_HEIGHT = 22;
const RIM = "rgba(0,0,0,.65)";

const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Matches the resolution of a canvas to its size on the page; returns a context that uses CSS pixels.
const fitted = (canvas, width, height) => {
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const wanted = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== wanted[0] || canvas.height !== wanted[1]) {
    [canvas.width, canvas.height] = wanted;
  }
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
};

// Up to the given number of round values between low and high.
const ticks = (low, high, most, whole = false) => {
  if (!(high > low)) {
    return [low];
  }
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * [1, 2, 5, 10].find((factor) => power * factor >= rough * 0.999);
  step = whole ? Math.max(1, Math.round(step)) : step;
  const found = [];
  for (let number = Math.ceil(low / step - 1e-9); number * step <= high * (1 + 1e-9) + 1e-12; number += 1) {
    found.push(Number((number * step).toPrecision(12)));
  }
  return found;
};

// The lanes for all bodyparts (-1) or for one bodypart. Lines have one value per sample.
class Lanes {
  constructor(poses) {
    this.poses = poses;
    this.known = new Map();
  }

  of(part) {
    if (!this.known.has(part)) {
      this.known.set(part, part < 0 ? this.ofAll() : this.ofPart(part));
    }
    return this.known.get(part);
  }

  line(name, shade, value) {
    const values = this.poses.column(value);
    let [least, largest] = [Infinity, -Infinity];
    for (const one of values) {
      if (one < least) least = one;
      if (one > largest) largest = one;
    }
    return { name, shade, values, least, largest };
  }

  animalLine(animal, value) {
    return this.line(this.poses.animals[animal] || "animal", animal, value);
  }

  speeds() {
    const { poses } = this;
    const count = poses.animals.length;
    return poses.animals.map((_, animal) =>
      this.animalLine(animal, (sample) => poses.speed[sample * count + animal]),
    );
  }

  ofAll() {
    const { poses } = this;
    const lanes = [
      {
        label: "likelihood (median)",
        all: true,
        range: [0, 1],
        digits: 2,
        lines: [
          this.line("10 % quantile", -1, (sample) => poses.likelihood(poses.low, sample)),
          ...(poses.bodyparts.length ? poses.animals : []).map((_, animal) =>
            this.animalLine(animal, (sample) => poses.certainty(sample, animal)),
          ),
        ],
        cutoff: poses.pcutoff,
      },
    ];
    if (poses.bodyparts.length) {
      lanes.push({ label: "speed (px/s)", zero: true, digits: 0, lines: this.speeds() });
      for (const [axis, name] of ["x", "y"].entries()) {
        const lines = poses.animals.map((_, animal) =>
          this.animalLine(animal, (sample) => poses.center(sample, animal, axis)),
        );
        lanes.push({ label: `${name} of the center (px)`, digits: 1, lines });
      }
    }
    return lanes;
  }

  ofPart(part) {
    const { poses } = this;
    const own = poses.pointsOf(part);
    const likelihood = own.map(({ point, animal, name }) =>
      this.line(name, animal, (sample) => poses.likelihood(poses.least, sample * poses.points + point)),
    );
    const lanes = [{ label: "likelihood", range: [0, 1], digits: 2, lines: likelihood, cutoff: poses.pcutoff }];
    for (const [axis, name] of ["x", "y"].entries()) {
      const lines = own.map(({ point, animal, name: owner }) =>
        this.line(owner, animal, (sample) => {
          const place = poses.isSure(sample, point) && poses.place(sample, point);
          return place ? place[axis] : NaN;
        }),
      );
      lanes.push({ label: `${name} (px)`, digits: 1, lines });
    }
    if (part < poses.bodyparts.length) {
      lanes.push({ label: "speed of the center (px/s)", zero: true, digits: 0, lines: this.speeds() });
    }
    return lanes;
  }
}

// Maps frames and values to the canvas.
class View {
  constructor(low, high, width) {
    Object.assign(this, { low, high, width });
  }

  x(frame) {
    return PAD.left + ((frame - this.low) / (this.high - this.low)) * (this.width - PAD.left - PAD.right);
  }

  frame(x) {
    return this.low + ((x - PAD.left) / (this.width - PAD.left - PAD.right)) * (this.high - this.low);
  }
}

const laneRange = (lane) => {
  if (lane.range) {
    return lane.range;
  }
  let low = Math.min(...lane.lines.map((line) => line.least));
  let high = Math.max(...lane.lines.map((line) => line.largest));
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    return [0, 1];
  }
  low = lane.zero ? Math.min(low, 0) : low;
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
};

// Draws a line: one stroke per run of known values; pixel columns with many values show their minimum and maximum.
const drawLine = (context, frames, values, begin, end, toX, toY) => {
  let open = false;
  let column = null;
  let [first, least, largest, last, count] = [0, 0, 0, 0, 0];
  const alone = [];
  const flush = () => {
    if (!count) {
      return;
    }
    for (const value of count > 2 ? [first, least, largest, last] : count > 1 ? [first, last] : [first]) {
      const y = toY(value);
      if (open) {
        context.lineTo(column, y);
      } else {
        context.moveTo(column, y);
        open = true;
      }
    }
    count = 0;
  };
  let run = 0;
  let place = null;
  const close = () => {
    flush();
    if (run === 1) {
      alone.push(place);
    }
    open = false;
    run = 0;
  };
  context.beginPath();
  for (let at = begin; at < end; at += 1) {
    const value = values[at];
    if (!Number.isFinite(value)) {
      close();
      column = null;
      continue;
    }
    const x = Math.round(toX(frames[at]) * 2) / 2;
    if (x !== column) {
      flush();
      column = x;
    }
    if (count === 0) {
      first = least = largest = value;
    }
    least = Math.min(least, value);
    largest = Math.max(largest, value);
    last = value;
    count += 1;
    run += 1;
    place = [x, toY(value)];
  }
  close();
  context.stroke();
  for (const [x, y] of alone) {
    context.fillRect(x - 1.5, y - 1.5, 3, 3);
  }
};
