'use strict';
const http = require('node:http');
const ms = require('ms');

const port = Number(process.env.PORT || 8080);
const started = Date.now();

const server = http.createServer((request, response) => {
  const up = ms(Date.now() - started, { long: true });
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`Hello from Node.js ${process.version}, up for ${up}.\n`);
  console.log(`${request.method} ${request.url} ${response.statusCode}`);
});

server.listen(port, () => console.log(`listening on ${port}`));

// The platform says SIGTERM before it stops an instance: finish what is running, then leave.
process.on('SIGTERM', () => {
  console.log('SIGTERM: closing');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
