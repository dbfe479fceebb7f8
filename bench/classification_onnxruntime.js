// ONNX Runtime's side of bench_classification: MODEL.onnx X.npy Y.npy THREADS SECONDS, one line of
// JSON.
'use strict';
const fs = require('fs');
const ort = require('onnxruntime-node');

// A float32 array in C order.
function load(path) {
  const bytes = fs.readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const dims = /'shape': \(([^)]*)\)/.exec(bytes.toString('latin1', 10, start))[1];
  const data = bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length);
  return new ort.Tensor('float32', new Float32Array(data),
                        dims.split(',').filter((d) => d.trim()).map(Number));
}

function save(path, tensor) {
  const shape = tensor.dims.join(', ') + (tensor.dims.length === 1 ? ',' : '');
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  header += ' '.repeat(63 - ((10 + header.length) % 64)) + '\n';
  const begin = Buffer.from('\x93NUMPY\x01\x00\x00\x00' + header, 'latin1');
  begin.writeUInt16LE(header.length, 8);
  const y = tensor.data;
  fs.writeFileSync(path, Buffer.concat([begin, Buffer.from(y.buffer, y.byteOffset, y.byteLength)]));
}

async function main([model, input, output, threads, seconds]) {
  const x = load(input);
  const begin = performance.now();
  const session = await ort.InferenceSession.create(model, {intraOpNumThreads: Number(threads)});
  const run = () => session.run({[session.inputNames[0]]: x});
  const first = await run();
  const firstResult = performance.now() - begin;
  save(output, first[session.outputNames[0]]);
  const times = [];
  for (const start = performance.now();
       performance.now() - start < Number(seconds) * 1e3 || times.length < 5;) {
    const before = performance.now();
    await run();
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({
    seconds: times[Math.floor(times.length / 2)] / 1e3,
    first_result: firstResult / 1e3,
    peak_bytes: process.resourceUsage().maxRSS * 1024,
    version: require('onnxruntime-node/package.json').version,
  }));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(String(error.message || error));
  process.exit(1);
});
