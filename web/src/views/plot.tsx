// Points with their intervals on a logarithmic axis, drawn as SVG. The table beside it says the same.

import type { Measurement } from "../api/types";
import { significant, words } from "../words";

export interface Point {
  name: string;
  bytes: number;
  kld: Measurement;
  same?: Measurement;
  ours: boolean;
}

const WIDTH = 640;
const LEFT = 170;
const RIGHT = 60;
const ROW = 38;
const TOP = 8;

export function Plot({ points }: { points: Point[] }) {
  const t = words.value;
  const values = points.flatMap((one) => [one.kld.low ?? one.kld.value, one.kld.high ?? one.kld.value, one.kld.value]);
  const low = Math.log10(Math.max(Math.min(...values) * 0.8, 1e-6));
  const high = Math.log10(Math.max(...values) * 1.25);
  const x = (value: number) => LEFT + ((Math.log10(Math.max(value, 1e-6)) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const bottom = TOP + points.length * ROW;
  return (
    <svg class="plot" viewBox={`0 0 ${WIDTH} ${bottom + 30}`} role="img" aria-label={`${t.plotTitle}: ${points.map((one) => `${one.name} ${significant(one.kld.value)}`).join(", ")}`}>
      {ticks(low, high).map((value) => (
        <g key={value}>
          <line class="grid" x1={x(value)} x2={x(value)} y1={TOP} y2={bottom} />
          <text class="tick" x={x(value)} y={bottom + 20} text-anchor="middle">
            {significant(value, 1, 1)}
          </text>
        </g>
      ))}
      {points.map((one, at) => (
        <Row key={one.name} one={one} y={TOP + at * ROW + ROW / 2} x={x} />
      ))}
    </svg>
  );
}

function Row({ one, y, x }: { one: Point; y: number; x: (value: number) => number }) {
  const { low, high, value } = one.kld;
  return (
    <g class={one.ours ? "ours" : "control"}>
      <text class="label" x={LEFT - 18} y={y + 5} text-anchor="end">
        {one.name}
      </text>
      {low != null && high != null && <line class="whisker" x1={x(low)} x2={x(high)} y1={y} y2={y} />}
      <circle cx={x(value)} cy={y} r={one.ours ? 6.5 : 5} />
      <text class="value" x={x(high ?? value) + 12} y={y + 5}>
        {significant(value)}
      </text>
    </g>
  );
}

/** 1, 2 and 5 times powers of ten; fewer where there are many. */
function ticks(low: number, high: number): number[] {
  const steps = high - low > 2.5 ? [1] : [1, 2, 5];
  const found: number[] = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
    for (const step of steps) {
      const log = power + Math.log10(step);
      if (log >= low && log <= high) found.push(step * 10 ** power);
    }
  }
  return found;
}
