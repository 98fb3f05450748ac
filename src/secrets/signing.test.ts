import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { signatureHeaders } from "../domain/signing/standardWebhooks.ts";
import { randomBytes } from "./envelope.ts";
import { generateSigningKey, importSigningKey, sign } from "./signing.ts";

const BODY = '{"name":"Zażółć","n":1}';
// The published package reads the real clock and allows five minutes.
const nowSeconds = Math.floor(Date.now() / 1_000);

async function signUnder(key: string, id: string, timestampSeconds: number, body: string): Promise<string> {
  const imported = await importSigningKey(key);
  if (!imported.ok) throw new Error(imported.error);
  return await sign(imported.value, id, timestampSeconds, body);
}

async function signed(keys: readonly string[], body = BODY): Promise<Record<string, string>> {
  const signatures = await Promise.all(keys.map((key) => signUnder(key, "exec_1", nowSeconds, body)));
  return signatureHeaders("exec_1", nowSeconds, signatures);
}

describe("sign", () => {
  it("matches the example of the published specification", async () => {
    // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/index.test.ts
    const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    expect(await signUnder(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  it("is verified by the standardwebhooks package", async () => {
    const key = generateSigningKey(randomBytes);
    expect(new Webhook(key).verify(BODY, await signed([key]))).toEqual({ name: "Zażółć", n: 1 });
  });

  it("is verified under the new key and the previous one during a rotation", async () => {
    const [next, previous, other] = [randomBytes, randomBytes, randomBytes].map(generateSigningKey) as [
      string,
      string,
      string,
    ];
    const headers = await signed([next, previous]);
    expect(new Webhook(next).verify(BODY, headers)).toBeTruthy();
    expect(new Webhook(previous).verify(BODY, headers)).toBeTruthy();
    expect(() => new Webhook(other).verify(BODY, headers)).toThrow("No matching signature");
  });

  it("does not verify another body", async () => {
    const key = generateSigningKey(randomBytes);
    const headers = await signed([key]);
    expect(() => new Webhook(key).verify(`${BODY} `, headers)).toThrow("No matching signature");
  });
});

describe("importSigningKey", () => {
  it.each(["", "whsec_", "whsec_!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", `whsec_${"A".repeat(92)}`])(
    "refuses the key %j",
    async (key) => {
      expect(await importSigningKey(key)).toEqual({ ok: false, error: "invalid_signing_key" });
    },
  );

  it("gives a key that cannot be taken out again", async () => {
    const imported = await importSigningKey(generateSigningKey(randomBytes));
    expect(imported).toMatchObject({ ok: true, value: { extractable: false } });
  });
});

describe("generateSigningKey", () => {
  it("is 32 random bytes behind the prefix", () => {
    const key = generateSigningKey((length) => new Uint8Array(length).fill(1));
    expect(key).toBe("whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
  });
});
