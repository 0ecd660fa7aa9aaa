/** This unet's version; put in by scripts/build.js from package.json. */
declare const UNET_VERSION: string | undefined;

export const VERSION: string = typeof UNET_VERSION === 'string' ? UNET_VERSION : '0.0.0-development';
