/** Where a rehearsed node in a container listens: on a tmpfs of the release's compose file. */
export const STATE_DIRECTORY = '/run/unet-rehearsal';
