/**
 * How wide a chart's place is: charts are drawn in real pixels, so that text and lines keep their size.
 */
import * as React from 'react';

/** The ref of a place and its width in pixels, which follows the place; 296 before it is known. */
export function useWidth<T extends HTMLElement>(): [
  React.RefObject<T>,
  number
] {
  const element = React.useRef<T>(null);
  const [width, setWidth] = React.useState(296);
  React.useLayoutEffect(() => {
    const node = element.current;
    if (node === null) {
      return;
    }
    const measure = (): void => {
      const current = Math.floor(node.clientWidth);
      if (current > 0) {
        setWidth(current);
      }
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}
