// A receiver that verifies webhooks with the library of Standard Webhooks. It prints "listening on URL", and for each request that it
// believes "verified TYPE ID".
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.argv[2]);
const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    try {
      const event = webhook.verify(Buffer.concat(chunks).toString(), request.headers);
      console.log(`verified ${event.type} ${request.headers["webhook-id"]} ${JSON.stringify(event.data)}`);
      response.writeHead(204).end();
    } catch (error) {
      console.log(`refused ${error}`);
      response.writeHead(401).end();
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}/`));
