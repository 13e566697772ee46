/**
 * JSON Merge Patch, RFC 7396.
 *
 * @module
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../contract/session.ts';

/** Defines an own property, whatever its name: assigning `__proto__` would not. */
function set(target: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The target with the patch applied; neither is changed. Null removes, objects merge, the rest replaces. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(target)) {
    const change = Object.hasOwn(patch, key) ? patch[key] : undefined;
    if (change === undefined) set(result, key, value);
    else if (isJsonObject(change)) set(result, key, mergePatch(isJsonObject(value) ? value : {}, change));
    else if (change !== null) set(result, key, change);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (Object.hasOwn(target, key) || value === null) continue;
    set(result, key, isJsonObject(value) ? mergePatch({}, value) : value);
  }
  return result;
}
