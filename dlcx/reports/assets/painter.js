// Paints the lanes of the timeline on one canvas, and the current frame, range and marks on another.

class Painter {
  constructor(canvas, cover, poses) {
    Object.assign(this, { canvas, cover, poses });
  }

  heights(lanes, laneHeight) {
    this.laneHeight = laneHeight;
    this.height = lanes.length * laneHeight + AXIS_HEIGHT;
    return this.height;
  }

  // Samples of the view, plus one on each side.
  range(view) {
    const { frame } = this.poses;
    const begin = Math.max(placeOf(frame, view.low) - 1, 0);
    return [begin, Math.min(placeOf(frame, view.high) + 2, frame.length)];
  }

  draw(lanes, view, shade) {
    const context = fitted(this.canvas, view.width, this.height);
    this.soft = themed("--soft");
    this.grid = themed("--line");
    context.font = "12px system-ui, sans-serif";
    lanes.forEach((lane, number) => this.drawLane(context, lane, number * this.laneHeight, view, shade));
    context.fillStyle = this.soft;
    context.textBaseline = "top";
    const foot = lanes.length * this.laneHeight + 4;
    const most = Math.max(2, Math.floor(view.width / 110));
    for (const tick of ticks(view.low, view.high, most, true)) {
      const x = view.x(tick);
      const text = String(tick);
      const half = context.measureText(text).width / 2;
      context.fillText(text, Math.min(Math.max(x, half + 2), view.width - half - 2) - half, foot);
    }
  }

  drawLane(context, lane, top, view, shade) {
    const range = laneRange(lane);
    const toY = this.toY(range, top);
    context.textBaseline = "middle";
    context.strokeStyle = this.grid;
    context.lineWidth = 1;
    for (const tick of ticks(...range, this.laneHeight > 90 ? 3 : 2)) {
      const y = Math.round(toY(tick)) + 0.5;
      context.beginPath();
      context.moveTo(PAD.left, y);
      context.lineTo(view.width - PAD.right, y);
      context.stroke();
      context.fillStyle = this.soft;
      context.textAlign = "right";
      context.fillText(String(tick), PAD.left - 6, y);
    }
    context.textAlign = "left";
    context.fillText(lane.label, 2, top + 8);
    context.save();
    context.beginPath();
    context.rect(PAD.left, top, view.width - PAD.left - PAD.right, this.laneHeight);
    context.clip();
    if (lane.cutoff !== undefined) {
      context.setLineDash([4, 4]);
      context.strokeStyle = this.soft;
      context.beginPath();
      context.moveTo(PAD.left, toY(lane.cutoff));
      context.lineTo(view.width, toY(lane.cutoff));
      context.stroke();
      context.setLineDash([]);
    }
    const [begin, end] = this.range(view);
    context.lineWidth = 1.4;
    for (const line of lane.lines) {
      context.strokeStyle = context.fillStyle = shade(line.shade);
      drawLine(context, this.poses.frame, line.values, begin, end, (frame) => view.x(frame), toY);
    }
    context.restore();
  }

  toY([low, high], top) {
    const [head, foot] = [top + PAD.top, top + this.laneHeight - PAD.bottom];
    return (value) => foot - ((value - low) / (high - low)) * (foot - head);
  }

  // The current frame, dots on the lines, the marks, and the range being selected.
  drawCover(lanes, view, shade, { frame, pinned, dragged }) {
    const context = fitted(this.cover, view.width, this.height);
    const foot = this.height - AXIS_HEIGHT;
    for (const mark of this.poses.marks) {
      if (mark.frame >= view.low && mark.frame <= view.high) {
        context.fillStyle = mark.kind === "swap" ? themed("--c3") : themed("--c1");
        const x = view.x(mark.frame);
        context.beginPath();
        context.moveTo(x - 4, foot + 3);
        context.lineTo(x + 4, foot + 3);
        context.lineTo(x, foot - 4);
        context.fill();
      }
    }
    if (dragged) {
      context.fillStyle = themed("--c0");
      context.globalAlpha = 0.2;
      context.fillRect(Math.min(...dragged), 0, Math.abs(dragged[1] - dragged[0]), foot);
      context.globalAlpha = 1;
    }
    const sample = this.poses.sampleAt(frame);
    const x = view.x(this.poses.frame[sample]);
    if (x < PAD.left - 1 || x > view.width - PAD.right + 1) {
      return;
    }
    context.strokeStyle = themed("--text");
    context.lineWidth = pinned ? 2 : 1;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, foot);
    context.stroke();
    lanes.forEach((lane, number) => {
      const toY = this.toY(laneRange(lane), number * this.laneHeight);
      for (const line of lane.lines) {
        if (Number.isFinite(line.values[sample])) {
          context.fillStyle = shade(line.shade);
          context.beginPath();
          context.arc(x, toY(line.values[sample]), 3, 0, 2 * Math.PI);
          context.fill();
        }
      }
    });
  }

  // The frame, and the values of the lines in a lane.
  words(lanes, sample, y) {
    const lane = lanes[Math.min(Math.max(Math.floor(y / this.laneHeight), 0), lanes.length - 1)];
    const { poses } = this;
    const frame = poses.frame[sample];
    const said = [[`frame ${frame}, ${poses.time(frame)}`, null]];
    for (const line of lane.lines) {
      const value = line.values[sample];
      const known = Number.isFinite(value) ? value.toFixed(lane.digits) : "–";
      said.push([`${line.name}: ${known}`, line.shade]);
    }
    if (lane.all) {
      const least = this.leastSure(sample);
      if (least) {
        said.push([`least: ${least}`, null]);
      }
    }
    return said;
  }

  // The point with the lowest likelihood.
  leastSure(sample) {
    const { poses } = this;
    let [best, least] = [-1, Infinity];
    for (let point = 0; point < poses.points; point += 1) {
      const score = poses.likelihood(poses.least, sample * poses.points + point);
      if (score < least) {
        [best, least] = [point, score];
      }
    }
    return best < 0 ? "" : `${poses.name(best)} ${least.toFixed(2)}`;
  }
}
