/**
 * The JSX factory, under short names.
 *
 * `React.createElement` in some 400 places would add 6 kB to the bundle.
 */
import * as React from 'react';

export const h = React.createElement;
export const Fragment = React.Fragment;
