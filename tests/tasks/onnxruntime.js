// node onnxruntime.js MODEL.onnx IN.f32 D0,D1,… OUT.f32: runs a network with ONNX Runtime.
'use strict';
const fs = require('fs');
const ort = require('onnxruntime-node');

function floats(path) {
  const bytes = fs.readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

async function main([model, input, dims, output]) {
  const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1});
  const x = new ort.Tensor('float32', floats(input), dims.split(',').map(Number));
  const results = await session.run({[session.inputNames[0]]: x});
  const y = results[session.outputNames[0]].data;
  fs.writeFileSync(output, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(String(error.message || error));
  process.exit(1);
});
