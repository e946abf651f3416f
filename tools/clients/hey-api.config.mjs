// Environment: where the document is, and where the client goes. Node needs the extensions.
export default {
  input: process.env.LOOP_DOCUMENT,
  output: { path: process.env.LOOP_CLIENT, importFileExtension: ".js" },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};
