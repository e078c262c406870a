/**
 * When the page draws: at most once per frame of the browser, and live figures no more often than a person wants.
 *
 * What a person waits for, such as the end of a cell, is drawn with the next frame whatever was chosen.
 */

export interface IClock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Call at the next frame that the browser draws. */
  frame(call: () => void): void;
  /** Call after some milliseconds. */
  later(call: () => void, wait: number): void;
}

export class RedrawScheduler {
  /**
   * @param _draw - Called for each beat.
   * @param _minInterval - Milliseconds between two beats of live figures, at least.
   */
  constructor(
    private readonly _draw: () => void,
    private readonly _minInterval: () => number,
    private readonly _clock: IClock
  ) {}

  /** There is something new: to be drawn now, or when its turn comes. */
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
