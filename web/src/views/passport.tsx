// The model's passport: what this file kept of the model it was made from, as it was measured.

import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/http";
import type { Measurement, ModelAbout, Passport as Data } from "../api/types";
import { Room } from "../parts/room";
import { attempt } from "../state/notice";
import { number, percent, significant, size, when, words } from "../words";
import { Plot, type Point } from "./plot";

export function Passport() {
  const t = words.value;
  const [about, setAbout] = useState<ModelAbout | null>(null);
  useEffect(() => void attempt(async () => setAbout(await ask<ModelAbout>("GET", "/api/model"))), []);
  return (
    <Room title={t.passportOf} more={about?.passport ? t.passportMore : ""}>
      {about === null ? <p class="note">{t.loading}</p> : <Shown about={about} />}
    </Room>
  );
}

function Shown({ about }: { about: ModelAbout }) {
  const t = words.value;
  return (
    <>
      <p class="model-name">
        <strong>{about.name}</strong>
        {about.device && (
          <span>
            {t.runsOn} {about.device}
          </span>
        )}
      </p>
      {about.passport === null ? (
        <p class="nothing">
          {t.noPassport} <span>{t.noPassportMore}</span>
        </p>
      ) : (
        <Measured data={about.passport} manifest={about.manifest} />
      )}
    </>
  );
}

function Measured({ data, manifest }: { data: Data; manifest: Record<string, unknown> }) {
  const t = words.value;
  const points = pointsOf(data);
  return (
    <>
      <Tiles data={data} />
      {points.length > 1 && (
        <section class="figure">
          <h2>{t.plotTitle}</h2>
          <p class="note">{t.plotMore}</p>
          <Plot points={points} />
          <Table points={points} />
        </section>
      )}
      <Facts data={data} manifest={manifest} />
    </>
  );
}

function Tiles({ data }: { data: Data }) {
  const t = words.value;
  const file = data.file;
  const baseline = data.baseline;
  const kld = found(data.measurements, "kld_mean");
  const same = found(data.measurements, "same_top");
  const rows = data.runtime?.rows ?? [];
  const here = rows.find((row) => row.name === "this bundle");
  const there = rows.find((row) => row.name === "starting model");
  return (
    <dl class="tiles">
      {file && (
        <Tile name={t.bytes} value={size(file.bytes)}>
          {baseline && t.ofBaseline(percent(file.bytes / baseline.bytes, 0), size(baseline.bytes))}
          {file.effective_bits !== undefined && `, ${t.bits(significant(file.effective_bits))}`}
        </Tile>
      )}
      {same && (
        <Tile name={t.sameTop} value={percent(same.value)}>
          {t.sameTopMore} {interval(same, (value) => percent(value))}
        </Tile>
      )}
      {kld && (
        <Tile name={t.kld} value={significant(kld.value)}>
          {t.kldMore} {interval(kld, (value) => significant(value))}
        </Tile>
      )}
      {here && (
        <Tile name={t.speedTitle} value={number(here.decode_tps)} unit={t.perSecond}>
          {there && t.speedMore(number(there.decode_tps))}
        </Tile>
      )}
    </dl>
  );
}

function Tile({ name, value, unit, children }: { name: string; value: string; unit?: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>
          {value}
          {unit && <small> {unit}</small>}
        </strong>
        <span>{children}</span>
      </dd>
    </div>
  );
}

function Table({ points }: { points: Point[] }) {
  const t = words.value;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t.plotTitle}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t.file}</th>
            <th scope="col">{t.bytes}</th>
            <th scope="col">{t.kld}</th>
            <th scope="col">{t.sameTop}</th>
          </tr>
        </thead>
        <tbody>
          {points.map((one) => (
            <tr class={one.ours ? "ours" : ""}>
              <th scope="row">{one.name}</th>
              <td>{size(one.bytes)}</td>
              <td>
                {significant(one.kld.value)}
                <small>{interval(one.kld, (value) => significant(value))}</small>
              </td>
              <td>
                {one.same ? percent(one.same.value) : "–"}
                <small>{one.same && interval(one.same, (value) => percent(value))}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Facts({ data, manifest }: { data: Data; manifest: Record<string, unknown> }) {
  const t = words.value;
  const { held_out: text, runtime, hardware, method, file } = data;
  const facts: [string, string | undefined][] = [
    [t.startingModel, data.baseline?.name],
    [t.method, method?.description || method?.name],
    [t.heldOut, text && `${text.name}, ${t.tokens(number(text.tokens))}`],
    [t.engine, runtime?.engine],
    [t.machine, hardware?.cpu && `${hardware.cpu} × ${hardware.cores ?? 1}`],
    [t.made, data.created && when(Date.parse(data.created) / 1000)],
    [t.licence, typeof manifest["licence"] === "string" ? manifest["licence"] : undefined],
    ["SHA-256", file?.sha256],
  ];
  return (
    <section>
      <h2>{t.facts}</h2>
      <dl class="facts">
        {facts.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}

function found(all: Measurement[] | undefined, metric: string): Measurement | undefined {
  return all?.find((one) => one.metric === metric);
}

function interval(one: Measurement, show: (value: number) => string): string {
  const known = one.low !== undefined && one.low !== null && one.high !== undefined && one.high !== null;
  return known ? `(${words.value.interval(show(one.low as number), show(one.high as number))})` : "";
}

/** This file and its controls, the closest to the starting model first. */
function pointsOf(data: Data): Point[] {
  const t = words.value;
  const of = (name: string, bytes: number, all: Measurement[] | undefined, ours: boolean): Point[] => {
    const kld = found(all, "kld_mean");
    const same = found(all, "same_top");
    return kld && kld.value > 0 ? [{ name, bytes, kld, ours, ...(same ? { same } : {}) }] : [];
  };
  const ours = data.file ? of(t.thisFile, data.file.bytes, data.measurements, true) : [];
  const controls = (data.controls ?? []).flatMap((one) => of(t.controls[one.name] ?? one.name, one.bytes, one.measurements, false));
  return [...ours, ...controls].sort((a, b) => a.kld.value - b.kld.value);
}
