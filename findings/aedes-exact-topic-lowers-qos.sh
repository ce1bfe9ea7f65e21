#!/usr/bin/env bash
# Library: aedes 1.2.0, the MQTT broker of Node.js, with the client mqtt 5 (npm; Node 20).
# Input: one client with two matching subscriptions, as a collector ("soil/#" with QoS 1, for the archive)
#   that also shows one sensor live ("soil/10/co2" with QoS 0); a publisher sends with QoS 1. Both orders
#   of subscribing, and the same with a wildcard in place of the exact topic.
# Expected: MQTT 3.1.1, section 3.3.5: where several subscriptions match, the server delivers with the
#   highest QoS among them: 1 in all four cases.
# Seen: with the exact topic it is 0 in either order; with the wildcard it is 1. The exact subscription
#   simply wins over the one with the promise.
# Meaning: adding a display to a station takes the acknowledged delivery away from just the sensor that
#   is displayed; the archive's SUBACK still says QoS 1, and all other sensors keep theirs.
# Way round: subscribe with one QoS throughout, or give display and archive their own client identifiers.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --prefix "$tmp" --silent --no-fund --no-audit aedes@1.2.0 mqtt@5.16.0 >/dev/null
cat > "$tmp/show.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import net from "node:net";
import { Aedes } from "aedes";
import mqtt from "mqtt";

const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url))).version;
const broker = await Aedes.createBroker();
const server = net.createServer(broker.handle);
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const url = `mqtt://127.0.0.1:${server.address().port}`;
const publisher = await mqtt.connectAsync(url, { clientId: "station" });
console.log("aedes", versionOf("aedes"), " mqtt", versionOf("mqtt"));

async function deliveredQos(subscriptions, name) {
  const client = await mqtt.connectAsync(url, { clientId: name });
  const granted = [];
  for (const [topic, qos] of subscriptions) granted.push((await client.subscribeAsync(topic, { qos }))[0].qos);
  const arrived = new Promise((done) => client.on("message", (topic, payload, packet) => done(packet.qos)));
  await publisher.publishAsync("soil/10/co2", "1480", { qos: 1 });
  const qos = await arrived;
  const asked = subscriptions.map(([topic, level]) => `${topic} (${level})`).join(" then ");
  console.log(`${asked.padEnd(36)} granted ${granted.join(" and ")}, delivered with QoS ${qos}`);
  await client.endAsync();
  return qos;
}

const seen = [
  await deliveredQos([["soil/#", 1]], "one"),
  await deliveredQos([["soil/#", 1], ["soil/10/co2", 0]], "two"),
  await deliveredQos([["soil/10/co2", 0], ["soil/#", 1]], "three"),
  await deliveredQos([["soil/#", 1], ["soil/+/co2", 0]], "four"),
];
await publisher.endAsync();
server.close();
broker.close();
if (seen.join() === "1,0,0,1") {
  console.log("STILL SO: the exact topic's QoS 0 replaces the QoS 1 that the client was granted.");
} else {
  console.log("CHANGED: delivered with QoS", seen.join(), "instead of 1,0,0,1");
  process.exitCode = 1;
}
EOF
node "$tmp/show.mjs"
