/**
 * The course of power that the panel draws: the newest points, in the kernel's own time.
 *
 * Nothing comes while nothing runs, so the course has gaps; a point without watts marks where one begins. A clock that
 * was set back begins the course anew, because a course that runs backwards can't be drawn.
 */
import type { IPowerPoint } from '../tokens';

export class PowerHistory {
  /** At most this many points are kept: two minutes of five a second. */
  constructor(private readonly _maxPoints = 600) {}

  add(point: IPowerPoint): void {
    const last = this._points[this._points.length - 1];
    if (last !== undefined && point.at < last.at - 1) {
      this._points = [];
    } else if (last !== undefined && point.at <= last.at) {
      return;
    } else if (last?.watts === null && point.watts === null) {
      return;
    }
    this._points = [...this._points.slice(1 - this._maxPoints), point];
  }

  clear(): void {
    this._points = [];
  }

  /** Oldest first; another list after each change. */
  get points(): readonly IPowerPoint[] {
    return this._points;
  }

  private _points: readonly IPowerPoint[] = [];
}
