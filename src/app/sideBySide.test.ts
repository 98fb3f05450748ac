import { describe, expect, it } from "vitest";
import { sideBySide } from "./sideBySide.ts";

describe("work side by side", () => {
  it("answers in the order of the items, however long each takes", async () => {
    const { promise: second, resolve } = Promise.withResolvers<string>();
    const work = async (item: string) => {
      if (item === "a") return await second.then(() => item);
      resolve(item);
      return item;
    };
    expect(await sideBySide(["a", "b", "c"], 2, work)).toEqual(["a", "b", "c"]);
  });

  it("never has more under way than it may", async () => {
    let underWay = 0;
    const seen: number[] = [];
    await sideBySide([1, 2, 3, 4, 5], 2, async () => {
      underWay += 1;
      seen.push(underWay);
      await Promise.resolve();
      underWay -= 1;
    });
    expect(seen).toEqual([1, 2, 1, 2, 1]);
  });

  it("begins no further group after a fault, and throws it", async () => {
    const begun: number[] = [];
    const working = sideBySide([1, 2, 3], 2, (item) => {
      begun.push(item);
      return item === 1 ? Promise.reject(new Error("gone")) : Promise.resolve(item);
    });
    await expect(working).rejects.toThrow("gone");
    expect(begun).toEqual([1, 2]);
  });
});
