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

export class Pulse {
  /**
   * @param _draw - Called for each beat.
   * @param _apart - Milliseconds between two beats of live figures, at least.
   */
  constructor(
    private readonly _draw: () => void,
    private readonly _apart: () => number,
    private readonly _clock: IClock
  ) {}

  /** There is something new: to be drawn now, or when its turn comes. */
  beat(notable: boolean): void {
    if (this._coming) {
      return;
    }
    const wait = notable ? 0 : this._last + this._apart() - this._clock.now();
    if (wait <= 0) {
      this._coming = true;
      this._clock.frame(() => {
        this._coming = false;
        this._last = this._clock.now();
        this._draw();
      });
    } else if (!this._waiting) {
      this._waiting = true;
      this._clock.later(() => {
        this._waiting = false;
        this.beat(true);
      }, wait);
    }
  }

  private _coming = false;
  private _waiting = false;
  private _last = -Infinity;
}
