// How Node.js reads HTTP/1.x. A line of JSON in for each reading, a line out, in order:
//   {"pieces": [BASE64, …]}                    as its server reads what came on one connection
//   {"pieces": [BASE64, …], "asked": METHOD}   as its client reads the answer to a METHOD request
// The next piece comes when the one before it has been read.
// out: {"messages": [{method, target, status, headers, body, complete}], "refused": CODE or null}
'use strict';
const http = require('http');
const readline = require('readline');
const {Duplex} = require('stream');

const HEAD_BYTES = 64 * 1024;  // more than the router takes

class Wire extends Duplex {
  constructor() {
    super({allowHalfOpen: true});
    this.seen = {messages: [], refused: null, progress: 0};
    this.written = '';
    this.on('error', () => {});
  }
  _read() {}
  _write(chunk, encoding, done) {
    this.written += chunk.toString('latin1');
    done();
  }
}

async function send(wire, pieces) {
  for (const piece of pieces) {
    wire.push(piece);
    await settled(wire.seen);
  }
}

function note(seen, message) {
  const one = {method: message.method, target: message.url, status: message.statusCode,
               version: message.httpVersion, headers: message.rawHeaders, complete: false};
  const parts = [];
  seen.messages.push(one);
  message.on('data', (part) => { parts.push(part); ++seen.progress; });
  message.on('error', () => {});
  one.update = () => {
    one.complete = message.complete;
    one.body = Buffer.concat(parts).toString('base64');
    delete one.update;
  };
}

const server = http.createServer({insecureHTTPParser: false, maxHeaderSize: HEAD_BYTES});
server.maxHeadersCount = 0;
server.on('request', (request, response) => {
  note(request.socket.seen, request);
  request.on('end', () => response.end());
});
server.on('checkExpectation', (request, response) => {
  request.socket.seen.refused = 'EXPECTATION';
  request.socket.destroy();
});
server.on('connect', (request, socket) => {
  socket.seen.refused = 'CONNECT';
  socket.destroy();
});
server.on('clientError', (error, socket) => {
  // Not destroyed yet: what was complete before shall be seen.
  socket.seen.refused = socket.seen.refused || error.code;
});

const turn = () => new Promise((done) => setImmediate(done));
// Until nothing more comes of what it was given.
async function settled(seen) {
  let before = '';
  for (let quiet = 0; quiet < 6;) {
    await turn();
    const now = `${seen.messages.length} ${seen.progress} ${seen.refused}`;
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
}

async function readRequests(pieces) {
  const wire = new Wire();
  server.emit('connection', wire);
  await send(wire, pieces);
  const before = wire.seen.refused;
  const messages = wire.seen.messages.length;
  wire.push(null);
  await settled(wire.seen);
  wire.destroy();
  // The end of the connection is the sender's doing; that something was missing then is no refusal.
  if (!before && wire.seen.refused === 'HPE_INVALID_EOF_STATE') wire.seen.refused = null;
  if (!wire.seen.refused && /^HTTP\/1\.1 400/m.test(wire.written)) wire.seen.refused = 'HOST';
  wire.seen.messages.length = messages;
  for (const one of wire.seen.messages) one.update();
  return wire.seen;
}

async function readAnswer(pieces, method) {
  const wire = new Wire();
  const seen = wire.seen;
  const request = http.request({method, host: 'a.example', createConnection: () => wire,
                                insecureHTTPParser: false, maxHeaderSize: HEAD_BYTES});
  request.maxHeadersCount = 0;
  request.on('response', (message) => note(seen, message));
  request.on('upgrade', () => { seen.refused = seen.refused || 'UPGRADE'; });
  request.on('error', (error) => { seen.refused = seen.refused || error.code || 'ERROR'; });
  request.end();
  await settled(wire.seen);
  await send(wire, pieces);
  const before = seen.refused;
  wire.push(null);
  await settled(wire.seen);
  for (const one of seen.messages) one.update();
  wire.destroy();
  request.destroy();
  // Without an answer at all it says that the connection ended.
  if (!before && seen.messages.length === 0 && /^(ECONNRESET|HPE_INVALID_EOF_STATE)$/.test(seen.refused || ''))
    seen.refused = null;
  return seen;
}

async function main() {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const {pieces, asked} = JSON.parse(line);
    const raw = pieces.map((piece) => Buffer.from(piece, 'base64'));
    const seen = asked ? await readAnswer(raw, asked) : await readRequests(raw);
    process.stdout.write(JSON.stringify(seen) + '\n');
  }
}

main();
