/**
 * Makes the elements that JSX stands for: names of our own for React's functions.
 *
 * Through React's namespace each of some 400 elements would cost a long call, 6 kB in all of what every page loads.
 */
import * as React from 'react';

export const h = React.createElement;
export const Fragment = React.Fragment;
