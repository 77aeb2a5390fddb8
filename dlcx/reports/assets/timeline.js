// The timeline: charts to hover, zoom and scrub with pointer and keyboard.

const LANE_HEIGHT = 96;
const NARROW_LANE_HEIGHT = 78;
const CLOSEST = 8; // minimum number of frames in view
const DRAG = 6; // pixels after which a press becomes a drag
const MARK_REACH = 7; // pixels around a mark in which its label appears

class Timeline {
  constructor(box, poses) {
    this.box = box;
    this.poses = poses;
    this.lanes = new Lanes(poses);
    this.part = -1;
    this.frame = poses.first;
    this.pinned = false;
    this.low = poses.first - 0.5;
    this.high = Math.max(poses.last, poses.first + 1) + 0.5;
    this.whole = [this.low, this.high];
    this.stage = new Stage(poses, (part) => this.choose(part === this.part ? -1 : part));
    this.build();
    this.listen();
    this.resize();
  }

  build() {
    const top = make("div", "top");
    top.append(this.stage.box, this.stage.readout.box);
    this.select = make("select");
    this.select.setAttribute("aria-label", "Bodypart in the charts");
    this.select.append(new Option("all bodyparts", "-1"));
    for (const [part, name] of [...this.poses.bodyparts, ...this.poses.unique].entries()) {
      this.select.append(new Option(name, String(part)));
    }
    this.controls = make("div", "controls");
    this.controls.append(this.stage.readout.head, this.select);
    for (const [text, title, act] of [
      ["−", "Zoom out (-)", () => this.zoom(2)],
      ["+", "Zoom in (+)", () => this.zoom(0.5)],
      ["Whole video", "Show all frames (0)", () => this.show(...this.whole)],
      ["◀", "Previous mark (P)", () => this.toMark(-1)],
      ["▶", "Next mark (N)", () => this.toMark(1)],
    ]) {
      const button = make("button", "", text);
      button.type = "button";
      button.title = title;
      button.setAttribute("aria-label", title);
      button.addEventListener("click", act);
      this.controls.append(button);
    }
    this.legend = make("div", "legend");
    this.charts = make("div", "charts");
    this.charts.tabIndex = 0;
    this.charts.setAttribute("role", "slider");
    this.charts.setAttribute("aria-label", "Frame");
    this.charts.setAttribute("aria-valuemin", String(this.poses.first));
    this.charts.setAttribute("aria-valuemax", String(this.poses.last));
    this.canvas = make("canvas", "lines");
    this.cover = make("canvas", "cover");
    this.tip = make("div", "tip");
    this.tip.hidden = true;
    this.charts.append(this.canvas, this.cover, this.tip);
    this.painter = new Painter(this.canvas, this.cover, this.poses);
    const help = make("p", "soft", "Move over the charts to browse frames; click to pin a frame, click again to release it. ");
    help.append("Drag or use Ctrl and the wheel to zoom. Keys: ← → by one frame (Shift: ten), + − 0 to zoom, N and P for marks.");
    this.box.append(this.controls, top, this.legend, this.charts, help);
  }

  listen() {
    this.select.addEventListener("change", () => this.choose(Number(this.select.value)));
    this.charts.addEventListener("keydown", (event) => this.key(event));
    this.charts.addEventListener("pointerdown", (event) => this.press(event));
    this.charts.addEventListener("pointermove", (event) => this.move(event));
    this.charts.addEventListener("pointerup", (event) => this.release(event));
    this.charts.addEventListener("pointercancel", () => this.endDrag());
    this.charts.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
    });
    this.charts.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    new ResizeObserver(() => this.resize()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.resize(true));
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button.seek");
      if (button) {
        this.visit(Number(button.dataset.frame));
      }
    });
  }

  resize(again = false) {
    const width = this.charts.clientWidth;
    if (!width || (width === this.width && !again)) {
      return;
    }
    this.width = width;
    this.shades = [0, 1, 2, 3].map((number) => themed(`--c${number}`));
    this.drawCharts();
    this.seek(this.frame);
  }

  // The color of an animal: the page's four, then evenly spaced hues; gray for unique bodyparts.
  shade(number) {
    if (number < 0) {
      return themed("--soft");
    }
    return number < 4 ? this.shades[number] : `hsl(${(number * 137) % 360} 55% 55%)`;
  }

  choose(part) {
    this.part = part;
    this.select.value = String(part);
    this.drawCharts();
    this.seek(this.frame);
  }

  show(low, high) {
    const [least, most] = this.whole;
    const span = Math.min(Math.max(high - low, CLOSEST), most - least);
    this.low = Math.min(Math.max((low + high - span) / 2, least), most - span);
    this.high = this.low + span;
    this.drawCharts();
    this.seek(this.frame);
  }

  zoom(factor, about = this.frame) {
    const inside = about >= this.low && about <= this.high ? about : (this.low + this.high) / 2;
    this.show(inside + (this.low - inside) * factor, inside + (this.high - inside) * factor);
  }

  // Shows a frame and scrolls to the timeline.
  visit(frame) {
    this.pinned = true;
    const near = Math.max(2 * this.poses.fps, 20);
    this.frame = frame;
    this.show(frame - near, frame + near);
    this.box.scrollIntoView({ block: "start" });
    this.charts.focus({ preventScroll: true });
  }

  toMark(direction) {
    const frames = this.poses.marks.map((mark) => mark.frame).filter((frame) => (frame - this.frame) * direction > 0);
    if (frames.length) {
      this.pinned = true;
      this.seek(direction > 0 ? Math.min(...frames) : Math.max(...frames), true);
    }
  }

  // Selects a frame, or the closest one on the page; with "follow" the charts scroll to it.
  seek(frame, follow = false) {
    const { poses } = this;
    this.frame = poses.frame[poses.sampleAt(frame)];
    if (follow && (this.frame < this.low || this.frame > this.high)) {
      const half = (this.high - this.low) / 2;
      this.show(this.frame - half, this.frame + half);
      return;
    }
    this.stage.show(this.frame, this.part);
    this.charts.setAttribute("aria-valuenow", String(this.frame));
    this.charts.setAttribute("aria-valuetext", `frame ${this.frame}, ${poses.time(this.frame)}`);
    this.drawCover();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const { poses } = this;
    const page = Math.max(1, Math.round((this.high - this.low) / 10));
    const sample = poses.sampleAt(this.frame);
    const by = (count) => poses.frame[Math.min(Math.max(sample + count, 0), poses.frame.length - 1)];
    const many = event.shiftKey ? 10 : 1;
    const acts = {
      ArrowLeft: () => this.seek(by(-many), true),
      ArrowRight: () => this.seek(by(many), true),
      PageUp: () => this.seek(this.frame - page, true),
      PageDown: () => this.seek(this.frame + page, true),
      Home: () => this.seek(poses.first, true),
      End: () => this.seek(poses.last, true),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.show(...this.whole),
      n: () => this.toMark(1),
      p: () => this.toMark(-1),
      Escape: () => {
        this.pinned = false;
        this.drawCover();
      },
    };
    const act = acts[event.key] || acts[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      this.pinned = this.pinned || event.key !== "Escape";
      act();
    }
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) {
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        const way = ((event.deltaX || event.deltaY) / this.width) * (this.high - this.low);
        this.show(this.low + way, this.high + way);
      }
      return;
    }
    event.preventDefault();
    this.zoom(Math.exp(Math.min(Math.max(event.deltaY, -200), 200) / 200), this.view().frame(this.at(event)[0]));
  }

  at(event) {
    const place = this.charts.getBoundingClientRect();
    return [event.clientX - place.left, event.clientY - place.top];
  }

  press(event) {
    if (event.button === 0) {
      [this.pressed] = this.at(event);
      this.dragged = null;
      this.charts.setPointerCapture(event.pointerId);
      if (event.pointerType !== "mouse") {
        this.seek(this.view().frame(this.pressed));
      }
    }
  }

  move(event) {
    const [x, y] = this.at(event);
    if (this.pressed !== undefined && event.pointerType === "mouse" && Math.abs(x - this.pressed) > DRAG) {
      this.dragged = x;
      this.drawCover();
    } else if (!this.pinned || event.pointerType !== "mouse") {
      this.seek(this.view().frame(x));
    }
    this.showTip(x, y);
  }

  release(event) {
    const [x] = this.at(event);
    const { pressed, dragged } = this;
    this.endDrag();
    if (pressed === undefined || event.pointerType !== "mouse") {
      return;
    }
    const view = this.view();
    if (dragged !== null) {
      this.show(view.frame(Math.min(pressed, x)), view.frame(Math.max(pressed, x)));
    } else {
      this.pinned = !this.pinned;
      this.seek(view.frame(x));
    }
  }

  endDrag() {
    this.pressed = undefined;
    this.dragged = null;
    this.drawCover();
  }

  view() {
    return new View(this.low, this.high, this.width);
  }

  drawCharts() {
    if (!this.width) {
      return;
    }
    const lanes = this.lanes.of(this.part);
    const height = this.painter.heights(lanes, this.width < 500 ? NARROW_LANE_HEIGHT : LANE_HEIGHT);
    this.charts.style.height = `${height}px`;
    this.painter.draw(lanes, this.view(), (number) => this.shade(number));
    const named = new Map();
    for (const lane of lanes) {
      for (const line of lane.lines) {
        named.set(`${line.shade} ${line.name}`, line);
      }
    }
    this.legend.replaceChildren(...[...named.values()].map((line) => this.named(line.name, line.shade)));
    for (const [kind, words, color] of [
      ["swap", "▲ possible swap", "--c3"],
      ["suspect", "▲ suspicious", "--c1"],
    ]) {
      if (this.poses.marks.some((mark) => mark.kind === kind)) {
        const mark = make("span", "", words);
        mark.style.color = `var(${color})`;
        this.legend.append(mark);
      }
    }
  }

  named(name, shade) {
    const item = make("span", "", name);
    const sample = make("i");
    sample.style.background = this.shade(shade);
    item.prepend(sample);
    return item;
  }

  drawCover() {
    if (!this.width) {
      return;
    }
    const { frame, pinned } = this;
    const dragged = this.dragged === null || this.dragged === undefined ? null : [this.pressed, this.dragged];
    const shade = (number) => this.shade(number);
    this.painter.drawCover(this.lanes.of(this.part), this.view(), shade, { frame, pinned, dragged });
  }

  // Values at the pointer, and the label of a nearby mark.
  showTip(x, y) {
    const view = this.view();
    const sample = this.poses.sampleAt(this.pinned ? this.frame : view.frame(x));
    const lines = this.painter.words(this.lanes.of(this.part), sample, y).map(([text, shade]) => {
      const line = make("div", "", text);
      if (shade !== null) {
        line.style.borderLeft = `3px solid ${this.shade(shade)}`;
        line.style.paddingLeft = "5px";
      }
      return line;
    });
    for (const mark of this.poses.marks) {
      if (Math.abs(view.x(mark.frame) - x) <= MARK_REACH && lines.length < 8) {
        lines.push(make("div", "mark-text", `frame ${mark.frame}: ${mark.text}`));
      }
    }
    this.tip.replaceChildren(...lines);
    this.tip.hidden = false;
    const wide = this.tip.offsetWidth;
    const left = x + 14 + wide > this.width ? x - 14 - wide : x + 14;
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${Math.max(0, y - this.tip.offsetHeight - 10)}px`;
  }
}

// The command that extracts the checked frames.
const followPicks = () => {
  const picks = [...document.querySelectorAll("input.pick")];
  const code = document.querySelector("code[data-before]");
  const update = () => {
    const frames = picks.filter((pick) => pick.checked).map((pick) => Number(pick.dataset.frame));
    frames.sort((one, other) => one - other);
    code.textContent = frames.length ? `${code.dataset.before} ${frames.join(",")}` : "";
    code.parentElement.hidden = !frames.length;
  };
  for (const pick of picks) {
    pick.addEventListener("change", update);
  }
};

const start = () => {
  const box = document.getElementById("explorer");
  const data = document.getElementById("poses");
  if (box && data) {
    new Timeline(box, new Poses(JSON.parse(data.textContent)));
  }
  followPicks();
};
start();
