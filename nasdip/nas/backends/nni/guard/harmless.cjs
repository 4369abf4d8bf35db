'use strict';
// Which texts are free of serialized Python objects.

// What nni.load and json_tricks turn into imports, calls and unpickling, wherever it stands.
const DANGEROUS = /__(nni_\w+|symbol|instance_type|enum|enum_instance_type|pandas_\w+)__/;
const PLAIN_NUMBER = /^(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))_?$/;

// Whether a text, JSON or not, is free of serialized Python objects. It may hold JSON in JSON in JSON, as metrics do.
function isHarmless(text) {
  if (DANGEROUS.test(unescaped(text))) return false;
  try {
    return isPlainText(text);
  } catch (error) { // nested too deep to look through
    return false;
  }
}

function unescaped(text) {
  for (;;) {
    const next = text.replace(/\\(u[0-9a-fA-F]{4}|[^])/g, (_all, code) => (
      code.length === 5 ? String.fromCharCode(parseInt(code.slice(1), 16)) : code));
    if (next === text) return text;
    text = next;
  }
}

function isPlainText(text) {
  if (!/[[{]/.test(text)) return true;
  let data;
  try {
    data = JSON.parse(withoutNan(text));
  } catch (error) { // not JSON here; Python's decoder, which strips comments, may think otherwise
    return !/"\s*__/.test(unescaped(text));
  }
  return isPlain(data);
}

// Python writes NaN and Infinity, which JSON lacks.
function withoutNan(text) {
  return text.replace(/"(?:[^"\\]|\\[^])*"|-?\bInfinity\b|\bNaN\b/g, (part) => (part[0] === '"' ? part : 'null'));
}

function isPlain(data) {
  if (typeof data === 'string') return isPlainText(data);
  if (data === null || typeof data !== 'object') return true;
  if (Array.isArray(data)) return data.every(isPlain);
  return Object.keys(data).every((key) => (
    (!key.startsWith('__') || (key === '__ndarray__' && isNumbers(data))) && isPlainText(key) && isPlain(data[key])));
}

// json_tricks calls numpy's attribute `dtype` for scalars: only number types are plain data.
function isNumbers(data) {
  return PLAIN_NUMBER.test(data.dtype) && typeof data.dtype === 'string' && Array.isArray(data.shape);
}

module.exports = { isHarmless };
