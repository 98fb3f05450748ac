/** The native API. */

import { errorResponse } from "../errors.ts";
import type { Face } from "../face.ts";
import { OPERATIONS } from "./operations.ts";

export const v1Face: Face = {
  name: "v1",
  endpoints: OPERATIONS,
  speaks: () => true,
  owns: () => true,
  refuse: errorResponse,
};
