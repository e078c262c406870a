/**
 * The newest power readings, in the kernel's time.
 *
 * There are no readings while nothing runs; a point without watts marks the start of such a gap. If the kernel's clock
 * is set back the history starts anew.
 */
import type { IPowerPoint } from '../tokens';

export class PowerHistory {
  /** The default keeps two minutes at five points a second. */
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

  /** Oldest first; a new list after each change. */
  get points(): readonly IPowerPoint[] {
    return this._points;
  }

  private _points: readonly IPowerPoint[] = [];
}
