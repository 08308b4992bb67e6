// A page whose token runs out: it joins a channel each time it is connected, and says so, until it has done so twice.
import { io } from "socket.io-client";

const [url, transport, channel, ...tokens] = process.argv.slice(2);
const socket = io(url, {
    transports: [transport],
    auth: (tell) => tell({ token: tokens.shift() }),
    reconnectionDelay: 50,
});
let joined = 0;
socket.on("connect", async () => {
    const answer = await socket.emitWithAck("join-channel", channel);
    console.log(JSON.stringify(answer));
    joined += 1;
    if (joined === 2) process.exit();
});
setTimeout(() => process.exit(1), 60_000);
