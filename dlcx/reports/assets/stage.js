// The picture closest to the current frame with the points of that picture, and the values of the current frame.

const make = (tag, names = "", text = "") => {
  const element = document.createElement(tag);
  element.className = names;
  element.textContent = text;
  return element;
};

class Stage {
  constructor(poses, choose) {
    this.poses = poses;
    this.images = new Map();
    this.box = make("div", "stage");
    this.canvas = make("canvas");
    this.canvas.setAttribute("role", "img");
    this.caption = make("p", "soft");
    this.caption.setAttribute("aria-live", "polite");
    this.tip = make("div", "tip");
    this.box.append(this.canvas, this.tip, this.caption);
    this.readout = new Readout(poses, choose);
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
    });
    this.tip.hidden = true;
    this.chosen = -1;
  }

  show(frame, part) {
    const { poses } = this;
    this.chosen = part;
    this.frame = frame;
    const sample = poses.sampleAt(frame);
    this.readout.show(sample, part);
    if (!poses.pictures.length) {
      this.caption.textContent = "No frame of the video could be decoded.";
      return;
    }
    this.picture = poses.pictureAt(poses.frame[sample]);
    const shown = poses.pictureFrames[this.picture];
    const own = poses.frame[sample];
    const away = shown - own;
    this.caption.textContent =
      away === 0 ? `picture of frame ${shown}` : `picture of frame ${shown}, the nearest one to frame ${own}`;
    this.canvas.setAttribute("aria-label", `Frame ${shown} with its points`);
    this.draw();
  }

  image(number) {
    if (!this.images.has(number)) {
      const image = new Image();
      image.addEventListener("load", () => this.draw());
      image.src = `data:image/jpeg;base64,${this.poses.pictures[number].jpeg}`;
      this.images.set(number, image);
    }
    return this.images.get(number);
  }

  draw() {
    if (this.picture === undefined) {
      return;
    }
    const { poses } = this;
    const width = Math.max(1, Math.min(this.box.clientWidth, (560 * poses.width) / poses.height));
    const height = (width * poses.height) / poses.width;
    this.scale = width / poses.width;
    const context = fitted(this.canvas, width, height);
    const image = this.image(this.picture);
    if (image.complete && image.naturalWidth) {
      context.drawImage(image, 0, 0, width, height);
    }
    const sample = poses.sampleAt(poses.pictureFrames[this.picture]);
    if (poses.frame[sample] !== poses.pictureFrames[this.picture]) {
      return;
    }
    this.drawSkeleton(context, sample);
    const radius = Math.max(2.5, Math.min(5, width / 110));
    for (let point = 0; point < poses.points; point += 1) {
      const place = this.onCanvas(sample, point);
      if (place) {
        this.drawPoint(context, place, point, radius, poses.isSure(sample, point));
      }
    }
  }

  drawSkeleton(context, sample) {
    const { poses } = this;
    context.strokeStyle = poses.skeleton_color;
    context.lineWidth = 1.2;
    for (let animal = 0; animal < poses.animals.length; animal += 1) {
      for (const [one, other] of poses.skeleton) {
        const offset = animal * poses.bodyparts.length;
        const [from, to] = [this.onCanvas(sample, offset + one), this.onCanvas(sample, offset + other)];
        if (from && to) {
          context.beginPath();
          context.moveTo(...from);
          context.lineTo(...to);
          context.stroke();
        }
      }
    }
  }

  drawPoint(context, [x, y], point, radius, sure) {
    const parts = this.poses.bodyparts.length;
    const part = point >= this.poses.owned ? parts + point - this.poses.owned : point % parts;
    context.globalAlpha = this.chosen < 0 || part === this.chosen ? 1 : 0.3;
    context.fillStyle = context.strokeStyle = this.poses.color(point);
    context.beginPath();
    if (sure) {
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
      context.strokeStyle = RIM;
      context.lineWidth = 1;
    } else {
      context.moveTo(x - radius, y - radius);
      context.lineTo(x + radius, y + radius);
      context.moveTo(x - radius, y + radius);
      context.lineTo(x + radius, y - radius);
      context.lineWidth = 2;
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  onCanvas(sample, point) {
    const place = this.poses.place(sample, point);
    return place && [(place[0] + 0.5) * this.scale, (place[1] + 0.5) * this.scale];
  }

  // Name and values of the point under the pointer.
  hover(event) {
    const { poses } = this;
    this.tip.hidden = true;
    if (this.picture === undefined) {
      return;
    }
    const sample = poses.sampleAt(poses.pictureFrames[this.picture]);
    let [best, distance] = [-1, 14];
    for (let point = 0; point < poses.points; point += 1) {
      const place = this.onCanvas(sample, point);
      const away = place ? Math.hypot(place[0] - event.offsetX, place[1] - event.offsetY) : Infinity;
      if (away < distance) {
        [best, distance] = [point, away];
      }
    }
    if (best >= 0) {
      const [x, y] = poses.place(sample, best);
      const score = poses.scoreOf(sample, best);
      this.tip.textContent = `${poses.name(best)}: ${x.toFixed(1)}, ${y.toFixed(1)}, likelihood ${score.toFixed(2)}`;
      this.tip.hidden = false;
      const room = this.box.clientWidth - this.tip.offsetWidth;
      this.tip.style.left = `${Math.max(0, Math.min(event.offsetX + 12, room))}px`;
      this.tip.style.top = `${Math.max(0, event.offsetY - this.tip.offsetHeight - 8)}px`;
    }
  }
}

// A table of all points in one frame; clicking a bodypart selects it.
class Readout {
  constructor(poses, choose) {
    this.poses = poses;
    this.box = make("div", "readout");
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "region");
    this.box.setAttribute("aria-label", "Values of the current frame");
    this.head = make("p", "chosen-frame");
    const table = make("table");
    const names = make("tr");
    names.append(make("th", "", "bodypart"));
    for (const animal of poses.animals) {
      names.append(make("th", "n", animal ? `${animal}: x, y` : "x, y"), make("th", "n", "likelihood"));
    }
    table.append(names);
    this.rows = [...poses.bodyparts, ...poses.unique].map((name, part) => this.row(table, name, part, choose));
    this.box.append(table);
  }

  row(table, name, part, choose) {
    const row = make("tr");
    const cell = make("td");
    const button = make("button", "part", name);
    button.type = "button";
    button.style.setProperty("--shade", this.poses.colors[part]);
    button.addEventListener("click", () => choose(part));
    cell.append(button);
    row.append(cell);
    const points = this.poses.pointsOf(part);
    const cells = points.map(() => [make("td", "n"), make("td", "n")]);
    row.append(...cells.flat());
    table.append(row);
    return { row, button, points, cells };
  }

  show(sample, chosen) {
    const { poses } = this;
    const frame = poses.frame[sample];
    this.head.textContent = `frame ${frame}, ${poses.time(frame)}`;
    for (const [part, { row, button, points, cells }] of this.rows.entries()) {
      row.classList.toggle("chosen", part === chosen);
      button.setAttribute("aria-pressed", String(part === chosen));
      for (const [at, { point }] of points.entries()) {
        const place = poses.place(sample, point);
        const score = poses.scoreOf(sample, point);
        const [where, sure] = cells[at];
        where.textContent = place ? `${place[0].toFixed(1)}, ${place[1].toFixed(1)}` : "–";
        sure.textContent = Number.isNaN(score) ? "–" : score.toFixed(2);
        sure.classList.toggle("low", !(score >= poses.pcutoff));
      }
    }
  }
}
