/** The formats of JSON Schema that are held against a text; any other says something to people only, as the standard has it. */

const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const EMAIL_LOCAL = /^[^\s@"(),:;<>[\\\]]{1,64}$/;
const HOST = /^[\da-z](?:[\da-z.-]{0,252}[\da-z])?$/i;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** None of these looks at a character more than a few times. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  date: isDate,
  "date-time": (text) => isDate(text.slice(0, 10)) && /[Tt ]/.test(text.charAt(10)) && TIME.test(text.slice(11)),
  time: (text) => TIME.test(text),
  uuid: (text) => UUID.test(text),
  email: isEmail,
  hostname: (text) => HOST.test(text) && !text.includes(".."),
  ipv4: (text) => IPV4.test(text),
  uri: (text) => /^[a-z][\d+.a-z-]*:[^\s"<>\\^`{|}]*$/i.test(text),
};

export function fitsFormat(format: string, text: string): boolean {
  const check = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  return check === undefined || check(text);
}

function isDate(text: string): boolean {
  if (!DATE.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isEmail(text: string): boolean {
  const at = text.lastIndexOf("@");
  return EMAIL_LOCAL.test(text.slice(0, Math.max(0, at))) && FORMATS.hostname?.(text.slice(at + 1)) === true;
}
