/** Which result has a chart of its own: the commands' names, and what draws theirs. */

import type { ComponentType } from "preact";
import type { Outcome } from "../bundle";

export type Chart = ComponentType<{ outcome: Outcome; index: number }>;

const CHARTS: Record<string, Chart> = {};

export const chartOf = (kind: string): Chart | undefined => CHARTS[kind];
