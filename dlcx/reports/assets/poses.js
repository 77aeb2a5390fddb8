// The poses on the page: selected frames of the video, and pictures of some of them.

const decode = (Kind, text) => {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) {
    bytes[at] = raw.charCodeAt(at);
  }
  return new Kind(bytes.buffer);
};

const KINDS = {
  frame: Uint32Array,
  x: Uint16Array,
  y: Uint16Array,
  score: Uint8Array,
  least: Uint8Array,
  low: Uint8Array,
  speed: Float32Array,
};
const NOWHERE = 65535;
const NO_SCORE = 255;
const SCORES = 250;

// Index of the largest value not above the given one in an ascending list; 0 if all are above.
const placeOf = (list, wanted) => {
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (list[middle] <= wanted) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
};

const nearestPlace = (list, wanted) => {
  const at = placeOf(list, wanted);
  return at + 1 < list.length && list[at + 1] - wanted < wanted - list[at] ? at + 1 : at;
};

class Poses {
  constructor(data) {
    Object.assign(this, data);
    for (const [name, text] of Object.entries(data.samples)) {
      this[name] = decode(KINDS[name], text);
    }
    this.least = this.least || this.score;
    this.last = this.first + this.frames - 1;
    this.owned = this.animals.length * this.bodyparts.length;
    this.points = this.owned + this.unique.length;
    this.pictureFrames = this.pictures.map((picture) => picture.frame);
  }

  // The sample nearest to a frame.
  sampleAt(frame) {
    return nearestPlace(this.frame, frame);
  }

  pictureAt(frame) {
    return nearestPlace(this.pictureFrames, frame);
  }

  place(sample, point) {
    const at = sample * this.points + point;
    if (this.x[at] === NOWHERE) {
      return null;
    }
    const { low, unit } = this.grid;
    return [low + unit * this.x[at], low + unit * this.y[at]];
  }

  likelihood(list, at) {
    return list[at] === NO_SCORE ? NaN : list[at] / SCORES;
  }

  scoreOf(sample, point) {
    return this.likelihood(this.score, sample * this.points + point);
  }

  isSure(sample, point) {
    return this.scoreOf(sample, point) >= this.pcutoff;
  }

  // The points of a bodypart, by its index among bodyparts and unique bodyparts, with the index of the animal.
  pointsOf(part) {
    const parts = this.bodyparts.length;
    if (part >= parts) {
      return [{ point: this.owned + part - parts, animal: 0, name: this.unique[part - parts] }];
    }
    return this.animals.map((animal, number) => ({
      point: number * parts + part,
      animal: number,
      name: animal || this.bodyparts[part],
    }));
  }

  name(point) {
    const parts = this.bodyparts.length;
    if (point >= this.owned) {
      return this.unique[point - this.owned];
    }
    return `${this.animals[Math.floor(point / parts)]} ${this.bodyparts[point % parts]}`.trim();
  }

  color(point) {
    const parts = this.bodyparts.length;
    return this.colors[point >= this.owned ? parts + point - this.owned : point % parts];
  }

  // The median of an animal's confident points along an axis (0: x, 1: y).
  center(sample, animal, axis) {
    return this.middle(animal, (point) => {
      const place = this.isSure(sample, point) && this.place(sample, point);
      return place ? place[axis] : NaN;
    });
  }

  // The median likelihood of an animal's detected points.
  certainty(sample, animal) {
    return this.middle(animal, (point) => this.likelihood(this.least, sample * this.points + point));
  }

  // The median of the known values over the bodyparts of an animal.
  middle(animal, value) {
    const found = [];
    const begin = animal * this.bodyparts.length;
    for (let point = begin; point < begin + this.bodyparts.length; point += 1) {
      const one = value(point);
      if (Number.isFinite(one)) {
        found.push(one);
      }
    }
    if (!found.length) {
      return NaN;
    }
    found.sort((one, other) => one - other);
    const half = found.length >> 1;
    return found.length % 2 ? found[half] : (found[half - 1] + found[half]) / 2;
  }

  // A column of numbers, one per sample.
  column(value) {
    return Float32Array.from(this.frame, (_, sample) => value(sample));
  }

  time(frame) {
    const seconds = frame / this.fps;
    const minutes = Math.floor(seconds / 60);
    return `${minutes}:${(seconds - 60 * minutes).toFixed(2).padStart(5, "0")}`;
  }
}
