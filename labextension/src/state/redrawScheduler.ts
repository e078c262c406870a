/**
 * Schedules redraws: at most one per animation frame, and live figures no more often than the settings allow.
 *
 * Urgent changes, such as the end of a cell, are drawn with the next frame.
 */

export interface IClock {
  /** Milliseconds since an arbitrary moment. */
  now(): number;
  /** Call with the next animation frame. */
  frame(call: () => void): void;
  /** Call after `wait` milliseconds. */
  later(call: () => void, wait: number): void;
}

export class RedrawScheduler {
  /**
   * @param _draw - Redraws the page.
   * @param _minInterval - Minimum milliseconds between two redraws that are not urgent.
   */
  constructor(
    private readonly _draw: () => void,
    private readonly _minInterval: () => number,
    private readonly _clock: IClock
  ) {}

  /** Request a redraw: with the next frame if urgent, otherwise when the interval has passed. */
  request(urgent: boolean): void {
    if (this._frameRequested) {
      return;
    }
    const wait = urgent
      ? 0
      : this._last + this._minInterval() - this._clock.now();
    if (wait <= 0) {
      this._frameRequested = true;
      this._clock.frame(() => {
        this._frameRequested = false;
        this._last = this._clock.now();
        this._draw();
      });
    } else if (!this._timerSet) {
      this._timerSet = true;
      this._clock.later(() => {
        this._timerSet = false;
        this.request(true);
      }, wait);
    }
  }

  private _frameRequested = false;
  private _timerSet = false;
  private _last = -Infinity;
}
