// An OpenID Connect issuer for tests, on loopback: panva's oidc-provider with the client credentials grant. It prints its
// URL and runs until its input ends; the line "rotate" gives it another key that signs, and "withdraw" takes all others
// from what it publishes. The argument is the folder in which `npm ci` has installed it.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { Provider } = await import(pathToFileURL(join(process.argv[2], 'node_modules/oidc-provider/lib/index.js')));

// Tokens are for the audience that the client's resource names: urn:loop-gateway is loop-gateway.
const resourceIndicators = {
  enabled: true,
  getResourceServerInfo: (_, resource) => ({
    scope: 'loop', audience: resource.replace('urn:', ''), accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } },
  }),
};
const clients = ['billing', 'stranger'].map((id) => ({
  client_id: id, client_secret: `secret-of-${id}`, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
  id_token_signed_response_alg: 'ES256',
}));

let keys = [];
let answer;
function rotate() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  keys = [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }, ...keys];
}
function provide() {
  const { port } = server.address();
  answer = new Provider(`http://127.0.0.1:${port}`, {
    clients, jwks: { keys }, scopes: ['loop'],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false }, resourceIndicators },
  }).callback();
}

const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1', () => {
  rotate();
  provide();
  console.log(`http://127.0.0.1:${server.address().port}`);
});
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  if (line === 'rotate') rotate();
  if (line === 'withdraw') keys = keys.slice(0, 1);
  provide();
  console.log('done');
});
input.on('close', () => process.exit());
