// A certified OpenID provider over TLS, for one house: whoever comes is signed in there as the story says.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join } from "node:path";

import Provider from "oidc-provider";

const CLAIMS = { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username", "groups"] };

export class IdentityProvider {
  /** `people` are known there by what never changes of them; `person` is who comes next. It shows the house's own
   *  certificate, so that the house has an authority to trust it by. */
  static async open(house, people) {
    const provider = new IdentityProvider();
    Object.assign(provider, { people, person: Object.keys(people)[0], secret: randomUUID(), clientId: "watchroom" });
    const file = (name) => readFile(join(house.state, "ssl", name));
    const tls = { key: await file("server.key"), cert: await file("server.crt") };
    provider.server = createServer(tls, (request, response) => provider.serve(request, response));
    provider.server.listen(0, "127.0.0.1");
    await once(provider.server, "listening");
    provider.issuer = `https://localhost:${provider.server.address().port}`;
    provider.oidc = provider.speaking(`${house.panel}/login/oidc/example/callback`);
    return provider;
  }

  speaking(redirect) {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    return new Provider(this.issuer, {
      claims: CLAIMS,
      clients: [{ client_id: this.clientId, client_secret: this.secret, redirect_uris: [redirect] }],
      cookies: { keys: [randomUUID()] },
      features: { devInteractions: { enabled: false } },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...this.people[id] }) }),
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "story" }] },
      pkce: { required: () => true },
    });
  }

  serve(request, response) {
    if (!request.url.startsWith("/interaction/")) return this.oidc.callback()(request, response);
    return this.agree(request, response).catch((error) => response.writeHead(500).end(error.stack));
  }

  /** What a person would do on the provider's pages: sign in, and agree. */
  async agree(request, response) {
    const { prompt, params, session } = await this.oidc.interactionDetails(request, response);
    let result = { login: { accountId: this.person } };
    if (prompt.name === "consent") {
      const grant = new this.oidc.Grant({ accountId: session.accountId, clientId: params.client_id });
      grant.addOIDCScope(params.scope);
      result = { consent: { grantId: await grant.save() } };
    }
    await this.oidc.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
