#!/usr/bin/env node
// tools/count_tests.mjs KIND LOG [--programs]: test results as lines for tools/run_tests.
//
// KIND ctest: the log of `ctest -V`. Every cmocka test function counts; a ctest entry that
//   is no cmocka program, or that died, counts as one. --programs: one line a program.
// KIND tap: the log of `node --test --test-reporter=tap`.
//
// Output: "pass|fail|skip<TAB>name<TAB>reason". A skip must say why, by a line that starts
// with "skip:" before it (cmocka) or in its directive (TAP), and the reason must be a
// missing network, missing hardware or the absent oracle folder: others count as failed.
import { readFileSync } from 'node:fs';

const [, , kind, path, flag] = process.argv;
const lines = readFileSync(path, 'utf8').split('\n');
const allowed = /network|hardware|oracle/i;
const out = [];

function result(verdict, name, reason = '') {
  if (verdict === 'skip' && !allowed.test(reason)) {
    verdict = 'fail';
    reason = `skipped without a reason that counts (${reason || 'none given'})`;
  }
  out.push(`${verdict}\t${name}\t${reason}`);
}

function cmocka(program, text) {
  const functions = new Map();
  let reason = '';
  for (const line of text) {
    const said = line.match(/^\s*skip(?:ped)?: (.*)/i);
    if (said) reason = said[1];
    const mark = line.match(/^\[ +(OK|FAILED|SKIPPED) +\] (\w+)$/);
    if (!mark) continue;
    const verdict = { OK: 'pass', FAILED: 'fail', SKIPPED: 'skip' }[mark[1]];
    if (!functions.has(mark[2])) functions.set(mark[2], [verdict, verdict === 'skip' ? reason : '']);
    if (verdict === 'fail') functions.set(mark[2], [verdict, '']);
  }
  return functions;
}

function ctest() {
  const text = new Map(); // number -> lines
  for (const line of lines) {
    const own = line.match(/^(\d+): ?(.*)$/);
    if (own) text.set(own[1], [...(text.get(own[1]) ?? []), own[2]]);
    const end = line.match(/^ *\d+\/\d+ Test +#(\d+): (\S+) \.*(?: |\*\*\*)*\s*(.*?)\s+[\d.]+ sec/);
    if (!end) continue;
    const [, number, name, verdict] = end;
    const passed = /^Passed/.test(verdict);
    const functions = flag === '--programs' ? new Map() : cmocka(name, text.get(number) ?? []);
    for (const [test, [one, why]] of functions) result(one, `${name}: ${test}`, why);
    const failedInside = [...functions.values()].some(([one]) => one === 'fail');
    if (functions.size === 0 || (!passed && !failedInside))
      result(passed ? 'pass' : 'fail', name, passed ? '' : verdict);
  }
}

function tap() {
  const totals = { pass: 0, fail: 0, cancelled: 0, skipped: 0 };
  const skips = [];
  const fails = [];
  for (const line of lines) {
    const total = line.match(/^# (pass|fail|cancelled|skipped) (\d+)$/);
    if (total) totals[total[1]] = Number(total[2]);
    const skip = line.match(/^\s*ok \d+ - (.*?) # SKIP ?(.*)$/);
    if (skip) skips.push([skip[1], skip[2]]);
    const fail = line.match(/^\s*not ok \d+ - (.*)$/);
    if (fail) fails.push(fail[1]);
  }
  for (let i = 0; i < totals.pass; i++) result('pass', `e2e test ${i + 1}`);
  for (let i = 0; i < totals.skipped; i++) result('skip', ...(skips[i] ?? ['e2e test', '']));
  for (let i = 0; i < totals.fail + totals.cancelled; i++)
    result('fail', fails[i] ?? 'e2e test', 'see the log');
}

(kind === 'tap' ? tap : ctest)();
if (out.length === 0) result('fail', kind, `no test ran: ${path}`);
console.log(out.join('\n'));
