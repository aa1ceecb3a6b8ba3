/** Which result has a chart of its own: the commands' names, and what draws theirs. */

import type { ComponentType } from "preact";
import type { Outcome } from "../bundle";
import { Correspond } from "./correspond";
import { Diagnose } from "./diagnose";
import { Evolve } from "./evolve";
import { Invariance } from "./invariance";
import { Occlude } from "./occlude";

export type Chart = ComponentType<{ outcome: Outcome }>;

const CHARTS: Record<string, Chart> = { correspond: Correspond, diagnose: Diagnose, evolve: Evolve, invariance: Invariance, occlude: Occlude };

export const chartOf = (kind: string): Chart | undefined => CHARTS[kind];
