import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { signatureHeaders } from "../domain/signing/standardWebhooks.ts";
import { randomBytes } from "./envelope.ts";
import { generateSigningKey, sign } from "./signing.ts";

const BODY = '{"name":"Zażółć","n":1}';
// The published package reads the real clock and allows five minutes.
const nowSeconds = Math.floor(Date.now() / 1_000);

async function signed(keys: readonly string[], body = BODY): Promise<Record<string, string>> {
  const signatures = await Promise.all(keys.map((key) => sign(key, "exec_1", nowSeconds, body)));
  return signatureHeaders(
    "exec_1",
    nowSeconds,
    signatures.map((result) => (result.ok ? result.value : "")),
  );
}

describe("sign", () => {
  it("matches the example of the published specification", async () => {
    // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/index.test.ts
    const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    expect(await sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}')).toEqual({
      ok: true,
      value: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
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

  it.each(["", "whsec_", "whsec_!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", `whsec_${"A".repeat(92)}`])(
    "refuses the key %j",
    async (key) => {
      expect(await sign(key, "id", 1, "")).toEqual({ ok: false, error: "invalid_signing_key" });
    },
  );
});

describe("generateSigningKey", () => {
  it("is 32 random bytes behind the prefix", () => {
    const key = generateSigningKey((length) => new Uint8Array(length).fill(1));
    expect(key).toBe("whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
  });
});
