// Probot with an app that does nothing: it verifies the signature, reads the payload, and answers.
import { createServer } from "node:http";
import { createNodeMiddleware, createProbot } from "probot";

const [port, secret] = process.argv.slice(2);
const probot = createProbot({ overrides: { appId: 1, privateKey: "never used", secret, logLevel: "fatal" } });
const middleware = await createNodeMiddleware(() => {}, { probot, webhooksPath: "/webhook/github" });
createServer(middleware).listen(Number(port), "127.0.0.1");
