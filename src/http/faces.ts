/** Every API that this server speaks, and which of them a request is meant for. */

import { runsFace } from "./compat/runs/face.ts";
import { triggerFace } from "./compat/trigger/face.ts";
import { trigifyFace } from "./compat/trigify/face.ts";
import type { Face } from "./face.ts";
import type { Endpoint } from "./operation.ts";
import { v1Face } from "./v1/face.ts";

/** In the order in which they are asked whether a request is theirs; the native API takes what is left. */
export const FACES: readonly Face[] = [triggerFace, runsFace, trigifyFace, v1Face];

export interface FaceEndpoint {
  readonly endpoint: Endpoint;
  readonly face: Face;
  /** Every face that has an endpoint of this method and path, this one among them. */
  readonly rivals: readonly Face[];
}

export const ENDPOINTS: readonly FaceEndpoint[] = FACES.flatMap((face) =>
  face.endpoints.map((endpoint) => ({ endpoint, face, rivals: facesWith(endpoint) })),
);

function facesWith(endpoint: Endpoint): readonly Face[] {
  return FACES.filter(({ endpoints }) => endpoints.some((each) => placeOf(each) === placeOf(endpoint)));
}

/** Method and path without the names of parameters. */
function placeOf({ contract: { method, path } }: Endpoint): string {
  return `${method} ${path.replaceAll(/\{\w+\}/g, "{}")}`;
}

/** The face that answers a request to an endpoint that all of `candidates` have. */
export function faceFor(candidates: readonly Face[], request: Request): Face {
  return candidates.find((face) => face.speaks(request)) ?? candidates.at(-1) ?? v1Face;
}

/** The face that answers for a path without such an endpoint. */
export function ownerOf(request: Request): Face {
  const { pathname } = new URL(request.url);
  return faceFor(
    FACES.filter((face) => face.owns(pathname)),
    request,
  );
}
