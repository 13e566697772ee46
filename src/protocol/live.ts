/**
 * How the Worker hands a viewer of the live feed to the registry.
 *
 * @module
 */

/** When the viewer's token runs out, milliseconds since the epoch; absent for never. */
export const LIVE_EXPIRES_HEADER = 'Berth-Token-Expires';
