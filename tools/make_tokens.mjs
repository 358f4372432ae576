#!/usr/bin/env node
// tools/make_tokens.mjs PACKAGE_FOLDER OUT_FILE: writes tokens.txt for Moonshine.
//
// Moonshine uses the LLaMA vocabulary of 32,000 pieces and 768 extra ids. The pieces come
// from the llama-tokenizer-js package: one base64 constant of pieces, a line each. Output is
// what sherpa-onnx reads as well: one line "BASE64PIECE ID" a piece, in id order.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PIECES = 32000;
const EXTRAS = 768;

function fail(text) {
  console.error(`make_tokens: ${text}`);
  process.exit(3);
}

const [, , folder, out] = process.argv;
if (!folder || !out) {
  console.error('usage: make_tokens.mjs PACKAGE_FOLDER OUT_FILE');
  process.exit(2);
}

const source = readFileSync(join(folder, 'llama-tokenizer.js'), 'utf8');
const constant = source.match(/llama_vocab_base64\s*=\s*"([A-Za-z0-9+/=]+)"/);
if (!constant) fail(`${folder}/llama-tokenizer.js has no vocabulary constant`);

const pieces = Buffer.from(constant[1], 'base64').toString('utf8').split('\n');
if (pieces.length !== PIECES || pieces[1] !== '<s>' || pieces[2] !== '</s>')
  fail(`${folder}/llama-tokenizer.js: not the vocabulary of ${PIECES} pieces expected`);
for (let i = 0; i < EXTRAS; i++) pieces.push(`<<ST_${i}>>`);

const lines = pieces.map((piece, id) => `${Buffer.from(piece, 'utf8').toString('base64')} ${id}\n`);
writeFileSync(`${out}.part`, lines.join(''));
renameSync(`${out}.part`, out);
