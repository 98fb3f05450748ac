import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { HOSTILE_OWN_HOSTS, HOSTILE_TARGETS } from "../../../test/outbound/hostileTargets.ts";
import { checkTarget } from "./target.ts";
import type { TargetErrorCode, TargetPolicy } from "./target.ts";

const PUBLIC_ONLY: TargetPolicy = { allowPrivate: false, ownHosts: HOSTILE_OWN_HOSTS };
const LOCAL: TargetPolicy = { allowPrivate: true, ownHosts: ["localhost:8787", "carillon.example.com"] };

function codeOf(url: string, policy: TargetPolicy): TargetErrorCode | "accepted" {
  const result = checkTarget(url, policy);
  return result.ok ? "accepted" : result.error.code;
}

describe("checkTarget on hostile URLs", () => {
  it("has at least 150 of them, each under its own name and each different", () => {
    const all = Object.values(HOSTILE_TARGETS).flat();
    expect(all.length).toBeGreaterThanOrEqual(150);
    expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
    expect(new Set(all.map(([, url]) => url)).size).toBe(all.length);
  });

  for (const [code, cases] of Object.entries(HOSTILE_TARGETS)) {
    describe(code, () => {
      it.each(cases)("refuses %s", (_name, url) => {
        const result = checkTarget(url, PUBLIC_ONLY);
        expect(result.ok ? "accepted" : result.error.code).toBe(code);
      });
    });
  }

  it("says in one sentence what is wrong and what is accepted", () => {
    const messageOf = (url: string) => {
      const result = checkTarget(url, PUBLIC_ONLY);
      return result.ok ? "" : result.error.message;
    };
    expect(messageOf("http://0x7f.1/")).toBe(
      "127.0.0.1 is a loopback address; give a public host name or a public address.",
    );
    expect(messageOf("http://db.internal./")).toBe(
      '"db.internal" exists only inside a local network; give a public host name such as api.example.com.',
    );
    expect(messageOf("ftp://example.com/")).toBe('The scheme "ftp" is not accepted; use https or http.');
    for (const [name, url] of Object.values(HOSTILE_TARGETS).flat()) {
      expect(messageOf(url), name).toMatch(/^[^\n]{20,400}\.$/);
    }
  });

  it("quotes neither the password nor the path nor the query", () => {
    for (const url of ["https://u:hunter2@api.example.org/", "http://127.0.0.1/hunter2?hunter2#hunter2"]) {
      expect(JSON.stringify(checkTarget(url, PUBLIC_ONLY))).not.toContain("hunter2");
    }
  });
});

describe("checkTarget on good URLs", () => {
  const GOOD: readonly (readonly [name: string, url: string, href: string])[] = [
    ["https", "https://api.example.org/hook?x=1", "https://api.example.org/hook?x=1"],
    ["http", "http://example.com", "http://example.com/"],
    ["a port", "https://example.com:8443/", "https://example.com:8443/"],
    ["the highest port", "http://example.com:65535/", "http://example.com:65535/"],
    ["the other scheme's port", "http://example.com:443/", "http://example.com:443/"],
    ["a trailing dot", "https://example.com./", "https://example.com./"],
    ["mixed case", "HTTPS://API.Example.Org/Path", "https://api.example.org/Path"],
    ["an IDN host", "https://bücher.example.org/", "https://xn--bcher-kva.example.org/"],
    ["a host in another script", "https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"],
    ["an underscore", "https://my_app.example.org/", "https://my_app.example.org/"],
    ["a name that begins like an address", "https://127.0.0.1.example.org/", "https://127.0.0.1.example.org/"],
    ["a name that contains a local one", "https://localhost.example.org/", "https://localhost.example.org/"],
    ["a name that ends like a local one", "https://notlocal.mylocal.org/", "https://notlocal.mylocal.org/"],
    ["a top-level domain that begins like a local one", "https://shop.homes/", "https://shop.homes/"],
    ["a public address", "http://8.8.8.8/", "http://8.8.8.8/"],
    ["a public address in decimal", "http://134744072/", "http://8.8.8.8/"],
    ["just below private 172.16/12", "http://172.15.255.255/", "http://172.15.255.255/"],
    ["just above private 172.16/12", "http://172.32.0.0/", "http://172.32.0.0/"],
    ["just below carrier-grade NAT", "http://100.63.255.255/", "http://100.63.255.255/"],
    ["just above carrier-grade NAT", "http://100.128.0.0/", "http://100.128.0.0/"],
    ["just above private 192.168/16", "http://192.169.0.1/", "http://192.169.0.1/"],
    ["a public IPv6 address", "https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"],
    ["a public IPv6 address in full", "https://[2A00:1450:0:0:0:0:0:1]/", "https://[2a00:1450::1]/"],
    ["an at sign in the path", "https://example.com/@user", "https://example.com/@user"],
    ["a URL in the query", "https://example.com/?u=http://127.0.0.1/", "https://example.com/?u=http://127.0.0.1/"],
    ["an empty user", "https://@example.com/", "https://example.com/"],
    ["a subdomain of our own host", "https://x.carillon.example.com/", "https://x.carillon.example.com/"],
    ["a parent of our own host", "https://example.com/", "https://example.com/"],
  ];

  it.each(GOOD)("accepts %s and returns what to send", (_name, url, href) => {
    const result = checkTarget(url, PUBLIC_ONLY);
    expect(result.ok ? result.value.href : result.error).toBe(href);
  });
});

describe("checkTarget with allowPrivate", () => {
  it.each([
    "http://127.0.0.1:3000/",
    "http://[::1]:3000/",
    "http://localhost:3000/",
    "http://app.localhost/",
    "http://10.1.2.3/",
    "http://192.168.0.10:8080/",
    "http://100.64.0.1/",
    "http://[fd12::1]/",
    "http://nas.lan/",
    "http://redis/",
  ])("opens %s", (url) => {
    expect(codeOf(url, LOCAL)).toBe("accepted");
  });

  it.each([
    ["ftp://127.0.0.1/", "scheme"],
    ["http://u:p@127.0.0.1/", "credentials"],
    ["http://127.0.0.1:25/", "port"],
    ["http://169.254.169.254/", "metadata_host"],
    ["http://[fd00:ec2::254]/", "metadata_host"],
    ["http://100.100.100.200/", "metadata_host"],
    ["http://metadata.google.internal/", "metadata_host"],
    ["http://169.254.1.1/", "private_address"],
    ["http://[fe80::1]/", "private_address"],
    ["http://0.0.0.0:8787/", "private_address"],
    ["http://[::]:8787/", "private_address"],
    ["http://[::ffff:127.0.0.1]/", "reserved_address"],
    ["http://[64:ff9b::127.0.0.1]/", "reserved_address"],
    ["http://224.0.0.1/", "reserved_address"],
    ["http://203.0.113.1/", "reserved_address"],
    ["https://carillon.example.com/", "own_host"],
    ["http://carillon.example.com.:9999/", "own_host"],
  ] as const)("keeps %s closed: %s", (url, code) => {
    expect(codeOf(url, LOCAL)).toBe(code);
  });

  it.each(["localhost", "LOCALHOST.", "x.localhost", "127.0.0.1", "127.1", "127.9.9.9", "[::1]"])(
    "refuses our own port on loopback under the name %s, and no other port",
    (host) => {
      expect(codeOf(`http://${host}:8787/`, LOCAL)).toBe("own_host");
      expect(codeOf(`http://${host}:8788/`, LOCAL)).toBe("accepted");
    },
  );

  it("takes an own loopback host without a port for the schemes' own ports", () => {
    const policy: TargetPolicy = { allowPrivate: true, ownHosts: ["127.0.0.1"] };
    expect(codeOf("http://localhost/", policy)).toBe("own_host");
    expect(codeOf("https://localhost/", policy)).toBe("own_host");
    expect(codeOf("http://localhost:8080/", policy)).toBe("accepted");
  });

  it("compares own hosts as hosts, not as text", () => {
    const policy: TargetPolicy = {
      allowPrivate: true,
      ownHosts: ["Bücher.Example.ORG.:443", "0x0a000001", "[FD00:0:0::1]", "not a host"],
    };
    expect(codeOf("https://xn--bcher-kva.example.org/", policy)).toBe("own_host");
    expect(codeOf("http://10.0.0.1:81/", policy)).toBe("own_host");
    expect(codeOf("http://[fd00::1]/", policy)).toBe("own_host");
    expect(codeOf("https://example.org/", policy)).toBe("accepted");
  });
});

describe("checkTarget on any notation of an address", () => {
  const CLOSED_RANGES: readonly (readonly [base: number, prefix: number])[] = [
    [0x00000000, 8],
    [0x0a000000, 8],
    [0x64400000, 10],
    [0x7f000000, 8],
    [0xa9fe0000, 16],
    [0xac100000, 12],
    [0xc0000000, 24],
    [0xc0000200, 24],
    [0xc0586300, 24],
    [0xc0a80000, 16],
    [0xc6120000, 15],
    [0xc6336400, 24],
    [0xcb007100, 24],
    [0xe0000000, 4],
    [0xf0000000, 4],
  ];

  const closedAddress = fc
    .constantFrom(...CLOSED_RANGES)
    .chain(([base, prefix]) => fc.integer({ min: 0, max: 2 ** (32 - prefix) - 1 }).map((offset) => base + offset));

  const wideDigits = (text: string) =>
    text.replaceAll(/[0-9]/g, (digit) => String.fromCharCode(0xff10 + Number(digit)));
  const percent = (text: string) => text.replaceAll(/./g, (char) => `%${char.charCodeAt(0).toString(16)}`);

  /** One number in a base of the writer's choice, with as many zeros as he likes. */
  const written = (value: number) =>
    fc.tuple(fc.constantFrom(8, 10, 16), fc.nat({ max: 3 }), fc.boolean()).map(([base, zeros, upper]) => {
      if (base === 10) return String(value);
      const digits = "0".repeat(zeros) + value.toString(base);
      const text = base === 8 ? `0${digits}` : `0x${digits}`;
      return upper ? text.toUpperCase() : text;
    });

  const notation = closedAddress.chain((address) =>
    fc
      .integer({ min: 1, max: 4 })
      .chain((parts) => {
        const leading = Array.from({ length: parts - 1 }, (_, index) => Math.floor(address / 256 ** (3 - index)) % 256);
        const last = address % 256 ** (5 - parts);
        return fc.tuple(...[...leading, last].map(written));
      })
      .chain((parts) =>
        fc
          .tuple(fc.constantFrom(".", "。", "．", "%2e"), fc.constantFrom("", "."), fc.constantFrom("", ":8080"))
          .chain(([dot, end, port]) =>
            fc
              .constantFrom((text: string) => text, wideDigits, percent)
              .map((disguise) => `http://${parts.map(disguise).join(dot)}${end}${port}/`),
          ),
      ),
  );

  const REFUSED: readonly string[] = ["private_address", "reserved_address", "metadata_host"];

  it("refuses closed IPv4 addresses in every base, number of parts and disguise", () => {
    fc.assert(
      fc.property(notation, (url) => {
        expect(REFUSED).toContain(codeOf(url, PUBLIC_ONLY));
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses closed IPv4 addresses inside every IPv6 form that carries one", () => {
    const carriers: readonly ((high: string, low: string) => string)[] = [
      (high, low) => `::${high}:${low}`,
      (high, low) => `::ffff:${high}:${low}`,
      (high, low) => `::ffff:0:${high}:${low}`,
      (high, low) => `64:ff9b::${high}:${low}`,
      (high, low) => `64:ff9b:1::${high}:${low}`,
      (high, low) => `2002:${high}:${low}::1`,
      (high, low) => `2001:0:${high}:${low}::`,
    ];
    fc.assert(
      fc.property(closedAddress, fc.constantFrom(...carriers), fc.boolean(), (address, carry, upper) => {
        const text = carry(Math.floor(address / 65_536).toString(16), (address % 65_536).toString(16));
        expect(REFUSED).toContain(codeOf(`http://[${upper ? text.toUpperCase() : text}]/`, PUBLIC_ONLY));
      }),
      { numRuns: 1_000 },
    );
  });

  it("refuses every IPv6 address outside 2000::/3", () => {
    const outside = fc
      .tuple(
        fc.integer({ min: 0, max: 0xffff }),
        fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 7, maxLength: 7 }),
      )
      .filter(([first]) => first >> 13 !== 1);
    fc.assert(
      fc.property(outside, ([first, rest]) => {
        const text = [first, ...rest].map((part) => part.toString(16)).join(":");
        expect(REFUSED).toContain(codeOf(`http://[${text}]/`, PUBLIC_ONLY));
      }),
      { numRuns: 1_000 },
    );
  });

  it("never throws, and returns only http(s) URLs without credentials", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.webUrl(),
          fc.string().map((text) => `http://${text}`),
        ),
        (url) => {
          const result = checkTarget(url, PUBLIC_ONLY);
          if (!result.ok) return;
          expect(result.value.protocol).toMatch(/^https?:$/);
          expect(result.value.username + result.value.password).toBe("");
          expect(codeOf(result.value.href, PUBLIC_ONLY)).toBe("accepted");
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
