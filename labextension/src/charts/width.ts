/**
 * How wide a chart's place is: charts are drawn in real pixels, so that text and lines keep their size.
 */
import * as React from 'react';

/** The ref of a place and its width in pixels, which follows the place; 296 before it is known. */
export function useWidth<T extends HTMLElement>(): [
  React.RefObject<T>,
  number
] {
  const place = React.useRef<T>(null);
  const [width, setWidth] = React.useState(296);
  React.useLayoutEffect(() => {
    const node = place.current;
    if (node === null) {
      return;
    }
    const measure = (): void => {
      const now = Math.floor(node.clientWidth);
      if (now > 0) {
        setWidth(now);
      }
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return [place, width];
}
