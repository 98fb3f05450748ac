/** The version that the instance reports; a test holds it against package.json. */

export const API_VERSION = "0.1.0";
