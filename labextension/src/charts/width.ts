/**
 * Charts are drawn at their real width in pixels, so that text and strokes keep their size.
 */
import * as React from 'react';

/** A ref for a chart's container and its width in pixels; 296 until it is measured. */
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
