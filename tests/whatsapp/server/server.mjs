// A WhatsApp that the tests play: handshake (Noise XX), pairing, phones that encrypt (Signal), files. On loopback only.
//
//     node server.mjs <key.pem> <certificate.pem>
//
// Prints its ports and its root key as a line of JSON. A client comes through the proxy on `port`, which hands every
// address over to the TLS side. What the test has the phones do is below `/control/`.
import http from 'http'
import https from 'https'
import net from 'net'
import fs from 'fs'
import crypto from 'crypto'
import { WebSocket, WebSocketServer } from 'ws'
import * as baileys from 'baileys'
import * as libsignal from 'libsignal'
const { Curve, proto, encodeBinaryNode, decodeBinaryNode, aesEncryptGCM, aesDecryptGCM, hkdf, signedKeyPair } = baileys
const now = Math.floor(Date.now() / 1000)
const root = Curve.generateKeyPair()
const inter = Curve.generateKeyPair()
const serverStatic = Curve.generateKeyPair()
const D = proto.CertChain.NoiseCertificate.Details
const certificate = (serial, issuerSerial, key, signer) => {
  const details = Buffer.from(
    D.encode({ serial, issuerSerial, key, notBefore: now - 3600, notAfter: now + 86400 }).finish(),
  )
  return { details, signature: Curve.sign(signer.private, details) }
}
const CERT = Buffer.from(
  proto.CertChain.encode({
    intermediate: certificate(1, 0, inter.public, root),
    leaf: certificate(2, 1, serverStatic.public, inter),
  }).finish(),
)

const devices = new Map() // by user: addresses, keys, prekeys, the connection, and what was not acknowledged yet
const peers = new Map() // by address: the Signal state of a customer's phone
let nextNum = 5511900000000
const state = { received: [], read: [], typing: [], presences: [], confirmedAfter: [], heldTwice: false, retries: 0, askedAgain: 0, logins: 0 }
function peer(user) {
  // A hidden id of these phones is their number with a 9 before it.
  if (user.endsWith('@lid')) user = user.slice(1).replace('@lid', '@s.whatsapp.net')
  if (!peers.has(user)) {
    const id = Curve.generateKeyPair()
    const spk = signedKeyPair(id, 1)
    const pks = {}
    for (let i = 1; i <= 20; i++) pks[i] = Curve.generateKeyPair()
    const sessions = {}
    const P = {
      id,
      spk,
      pks,
      reg: 1234,
      next: 1,
      sessions,
      storage: {
        loadSession: async (a) => (sessions[a] ? libsignal.SessionRecord.deserialize(sessions[a]) : null),
        storeSession: async (a, s) => {
          sessions[a] = s.serialize()
        },
        isTrustedIdentity: () => true,
        loadIdentityKey: async () => undefined,
        saveIdentity: async () => true,
        loadPreKey: async (n) =>
          pks[n] && { privKey: pks[n].private, pubKey: Buffer.concat([Buffer.from([5]), pks[n].public]) },
        removePreKey: () => {},
        loadSignedPreKey: () => ({
          privKey: spk.keyPair.private,
          pubKey: Buffer.concat([Buffer.from([5]), spk.keyPair.public]),
        }),
        getOurRegistrationId: () => 1234,
        getOurIdentity: () => ({ privKey: id.private, pubKey: Buffer.concat([Buffer.from([5]), id.public]) }),
      },
    }
    peers.set(user, P)
  }
  return peers.get(user)
}
const children = (n, t) => baileys.getBinaryNodeChildren(n, t),
  child = (n, t) => baileys.getBinaryNodeChild(n, t)
class Conn {
  constructor(ws) {
    this.ws = ws
    this.buf = Buffer.alloc(0)
    this.state = 0
    ws.on('message', (d) => {
      this.buf = Buffer.concat([this.buf, Buffer.from(d)])
      this.q = (this.q || Promise.resolve())
        .then(() => this.pump())
        .catch((e) => {
          console.error(e)
          ws.close()
        })
    })
    ws.on('close', () => {
      if (this.dev && this.dev.conn === this) {
        this.dev.conn = null
      }
    })
  }
  auth(d) {
    this.h = crypto
      .createHash('sha256')
      .update(Buffer.concat([this.h, d]))
      .digest()
  }
  mix(d) {
    const o = Buffer.from(hkdf(Buffer.from(d), 64, { salt: this.salt, info: '' }))
    this.salt = o.subarray(0, 32)
    this.k = o.subarray(32)
    this.n = 0
  }
  iv(n) {
    const b = Buffer.alloc(12)
    b.writeUInt32BE(n, 8)
    return b
  }
  enc(p) {
    const c = aesEncryptGCM(p, this.k, this.iv(this.n++), this.h)
    this.auth(c)
    return c
  }
  dec(c) {
    const p = aesDecryptGCM(c, this.k, this.iv(this.n++), this.h)
    this.auth(c)
    return p
  }
  raw(b) {
    const l = Buffer.alloc(3)
    l.writeUIntBE(b.length, 0, 3)
    this.ws.send(Buffer.concat([l, b]))
  }
  send(node) {
    const c = aesEncryptGCM(encodeBinaryNode(node), this.wk, this.iv(this.wn++), Buffer.alloc(0))
    this.raw(c)
  }
  async pump() {
    if (this.state === 0) {
      if (this.buf.length < 4) return
      if (this.buf.subarray(0, 2).toString() === 'ED') {
        const l = this.buf.readUIntBE(4, 3)
        this.buf = this.buf.subarray(7 + l)
      }
      this.header = this.buf.subarray(0, 4)
      this.buf = this.buf.subarray(4)
      this.state = 1
      this.h = Buffer.from(baileys.NOISE_MODE)
      this.salt = this.h
      this.k = this.h
      this.n = 0
      this.auth(this.header)
    }
    while (this.buf.length >= 3) {
      const l = this.buf.readUIntBE(0, 3)
      if (this.buf.length < l + 3) return
      const f = this.buf.subarray(3, 3 + l)
      this.buf = this.buf.subarray(3 + l)
      await this.frame(f)
    }
  }
  async frame(f) {
    if (this.state === 1) {
      const { clientHello } = proto.HandshakeMessage.decode(f)
      this.ce = Buffer.from(clientHello.ephemeral)
      this.auth(this.ce)
      const e = (this.e = Curve.generateKeyPair())
      this.auth(e.public)
      this.mix(Curve.sharedKey(e.private, this.ce))
      const st = this.enc(serverStatic.public)
      this.mix(Curve.sharedKey(serverStatic.private, this.ce))
      const pl = this.enc(CERT)
      this.raw(
        Buffer.from(
          proto.HandshakeMessage.encode({ serverHello: { ephemeral: e.public, static: st, payload: pl } }).finish(),
        ),
      )
      this.state = 2
      return
    }
    if (this.state === 2) {
      const { clientFinish } = proto.HandshakeMessage.decode(f)
      const cs = this.dec(Buffer.from(clientFinish.static))
      this.mix(Curve.sharedKey(this.e.private, cs))
      const payload = proto.ClientPayload.decode(this.dec(Buffer.from(clientFinish.payload)))
      const o = Buffer.from(hkdf(Buffer.alloc(0), 64, { salt: this.salt, info: '' }))
      this.rk = o.subarray(0, 32)
      this.wk = o.subarray(32)
      this.rn = this.wn = 0
      this.state = 3
      if (payload.username && !payload.devicePairingData) {
        const dev = devices.get(payload.username.toString())
        if (!dev) {
          this.send({ tag: 'failure', attrs: { reason: '401', location: 'xx' } })
          setTimeout(() => this.ws.close(), 50)
          return
        }
        state.logins++
        if (dev.conn) {
          state.heldTwice ||= dev.conn.ws.readyState === WebSocket.OPEN
          dev.conn.send({ tag: 'stream:error', attrs: {}, content: [{ tag: 'conflict', attrs: { type: 'replaced' } }] })
          const c = dev.conn
          dev.conn = null
          setTimeout(() => c.ws.close(), 30)
        }
        dev.conn = this
        this.dev = dev
        this.send({
          tag: 'success',
          attrs: {
            t: '' + now,
            props: '27',
            companion_enc_static: 'x',
            lid: dev.lid,
            location: 'lla',
            display_name: 'Mock',
          },
        })
        this.send({
          tag: 'ib',
          attrs: { from: '@s.whatsapp.net' },
          content: [{ tag: 'offline', attrs: { count: '0' } }],
        })
        // What the device has not acknowledged comes again as it was: the server cannot encrypt it anew.
        for (const message of dev.unacknowledged.values()) this.send(message)
      } else {
        const refs = Array.from({ length: 6 }, () => ({
          tag: 'ref',
          attrs: {},
          content: Buffer.from('2@' + crypto.randomBytes(12).toString('base64')),
        }))
        this.reg = payload
        this.send({
          tag: 'iq',
          attrs: { from: '@s.whatsapp.net', type: 'set', id: 'pd1', xmlns: 'md' },
          content: [{ tag: 'pair-device', attrs: {}, content: refs }],
        })
        pending.add(this)
      }
      return
    }
    const node = await decodeBinaryNode(aesDecryptGCM(f, this.rk, this.iv(this.rn++), Buffer.alloc(0)))
    await this.handle(node)
  }
  async pair(qr) {
    const p = qr.split('#').pop().split(',')
    const [, , ident, adv] = p
    const acc = Curve.generateKeyPair(),
      idPub = Buffer.from(ident, 'base64')
    const user = '' + nextNum++,
      jid = user + ':1@s.whatsapp.net',
      lid = '9' + user + ':1@lid'
    const dd = Buffer.from(proto.ADVDeviceIdentity.encode({ rawId: 1, timestamp: now, keyIndex: 1 }).finish())
    const sig = Curve.sign(acc.private, Buffer.concat([Buffer.from([6, 0]), dd, idPub]))
    const det = Buffer.from(
      proto.ADVSignedDeviceIdentity.encode({
        details: dd,
        accountSignatureKey: acc.public,
        accountSignature: sig,
      }).finish(),
    )
    const hm = crypto.createHmac('sha256', Buffer.from(adv, 'base64')).update(det).digest()
    const ct = Buffer.from(proto.ADVSignedDeviceIdentityHMAC.encode({ details: det, hmac: hm }).finish())
    this.newdev = { user, jid, lid, acc, prekeys: [], unacknowledged: new Map(), undecrypted: new Map() }
    pending.delete(this)
    this.send({
      tag: 'iq',
      attrs: { from: '@s.whatsapp.net', type: 'set', id: 'ps1', xmlns: 'md', t: '' + now },
      content: [
        {
          tag: 'pair-success',
          attrs: {},
          content: [
            { tag: 'device-identity', attrs: {}, content: ct },
            { tag: 'device', attrs: { jid, lid } },
            { tag: 'platform', attrs: { name: 'android' } },
          ],
        },
      ],
    })
    return { jid, lid }
  }
  // As a phone does that cannot decrypt a message: it wants it with a new session.
  askAgain(id, from, P) {
    state.askedAgain++
    const t = '' + Math.floor(Date.now() / 1000)
    const registration = Buffer.alloc(4)
    registration.writeUInt32BE(P.reg)
    this.send({
      tag: 'receipt',
      attrs: { id, from, type: 'retry', t },
      content: [
        { tag: 'retry', attrs: { count: '2', id, t, v: '1' } },
        { tag: 'registration', attrs: {}, content: registration },
      ],
    })
  }
  iqres(n, content) {
    this.send({ tag: 'iq', attrs: { from: '@s.whatsapp.net', type: 'result', id: n.attrs.id }, content })
  }
  async handle(n) {
    if (n.tag === 'iq') {
      const c = Array.isArray(n.content) ? n.content[0] : null
      if (n.attrs.type === 'result' || n.attrs.type === 'error') {
        if (c?.tag === 'pair-device-sign' && this.newdev) {
          devices.set(this.newdev.user, this.newdev)
          this.send({ tag: 'stream:error', attrs: { code: '515' } })
          setTimeout(() => this.ws.close(), 100)
        }
        return
      }
      if (n.attrs.xmlns === 'w:p') return this.iqres(n)
      if (n.attrs.xmlns === 'md' && c?.tag === 'link_code_companion_reg') {
        if (c.attrs.stage === 'companion_hello')
          return this.iqres(n, [
            {
              tag: 'link_code_companion_reg',
              attrs: { stage: 'companion_hello' },
              content: [{ tag: 'link_code_pairing_ref', attrs: {}, content: Buffer.from('ref123') }],
            },
          ])
        return this.iqres(n)
      }
      if (n.attrs.xmlns === 'md' && c?.tag === 'remove-companion-device') {
        devices.delete(this.dev.user)
        this.iqres(n)
        setTimeout(() => {
          this.send({
            tag: 'stream:error',
            attrs: { code: '401' },
            content: [{ tag: 'conflict', attrs: { type: 'device_removed' } }],
          })
          setTimeout(() => this.ws.close(), 30)
        }, 20)
        return
      }
      if (n.attrs.xmlns === 'encrypt') {
        if (c.tag === 'count')
          return this.iqres(n, [{ tag: 'count', attrs: { value: '' + (this.dev?.prekeys.length || 0) } }])
        if (n.attrs.type === 'set' && child(n, 'list')) {
          const d = this.dev
          d.reg = child(n, 'registration').content.readUIntBE(0, 4)
          d.idKey = Buffer.from(child(n, 'identity').content)
          const sk = child(n, 'skey')
          d.spk = {
            id: Buffer.from(child(sk, 'id').content).readUIntBE(0, 3),
            pub: Buffer.from(child(sk, 'value').content),
            sig: Buffer.from(child(sk, 'signature').content),
          }
          for (const k of children(child(n, 'list'), 'key'))
            d.prekeys.push({
              id: Buffer.from(child(k, 'id').content).readUIntBE(0, 3),
              pub: Buffer.from(child(k, 'value').content),
            })
          return this.iqres(n)
        }
        if (c.tag === 'digest') return this.iqres(n, [{ tag: 'digest', attrs: {} }])
        if (c.tag === 'key')
          return this.iqres(n, [
            {
              tag: 'list',
              attrs: {},
              content: children(c, 'user').map((u) => {
                const P = peer(u.attrs.jid.replace(/:\d+@/, '@'))
                const i = P.next++
                const I = (v, l) => {
                  const b = Buffer.alloc(l)
                  b.writeUIntBE(v, 0, l)
                  return b
                }
                return {
                  tag: 'user',
                  attrs: { jid: u.attrs.jid, t: '' + now },
                  content: [
                    { tag: 'registration', attrs: {}, content: I(P.reg, 4) },
                    { tag: 'type', attrs: {}, content: Buffer.from([5]) },
                    { tag: 'identity', attrs: {}, content: P.id.public },
                    {
                      tag: 'skey',
                      attrs: {},
                      content: [
                        { tag: 'id', attrs: {}, content: I(1, 3) },
                        { tag: 'value', attrs: {}, content: P.spk.keyPair.public },
                        { tag: 'signature', attrs: {}, content: Buffer.from(P.spk.signature) },
                      ],
                    },
                    {
                      tag: 'key',
                      attrs: {},
                      content: [
                        { tag: 'id', attrs: {}, content: I(i, 3) },
                        { tag: 'value', attrs: {}, content: P.pks[i].public },
                      ],
                    },
                  ],
                }
              }),
            },
          ])
      }
      if (n.attrs.xmlns === 'usync') {
        const us = c
        const list = child(us, 'list')
        const q = (child(us, 'query')?.content || []).map((x) => x.tag)
        const users = children(list, 'user').map((u) => {
          const j = u.attrs.jid || (child(u, 'contact')?.content?.toString() || '').replace('+', '') + '@s.whatsapp.net'
          const content = []
          for (const t of q) {
            if (t === 'devices')
              content.push({
                tag: 'devices',
                attrs: {},
                content: [{ tag: 'device-list', attrs: {}, content: [{ tag: 'device', attrs: { id: '0' } }] }],
              })
            else if (t === 'contact') content.push({ tag: 'contact', attrs: { type: 'in' } })
            else if (t === 'lid') content.push({ tag: 'lid', attrs: { val: '9' + j.split('@')[0] + '@lid' } })
          }
          return { tag: 'user', attrs: { jid: j }, content }
        })
        return this.iqres(n, [
          {
            tag: 'usync',
            attrs: us.attrs,
            content: [
              { tag: 'result', attrs: {}, content: q.map((t) => ({ tag: t, attrs: {} })) },
              { tag: 'list', attrs: {}, content: users },
            ],
          },
        ])
      }
      if (n.attrs.xmlns === 'w:m')
        return this.iqres(n, [
          {
            tag: 'media_conn',
            attrs: { auth: 'mockauth', ttl: '3600', auth_ttl: '3600', max_buckets: '12' },
            content: [{ tag: 'host', attrs: { hostname: 'mmg.whatsapp.net' } }],
          },
        ])
      if (n.attrs.xmlns === 'privacy') return this.iqres(n, [{ tag: 'privacy', attrs: {}, content: [] }])
      return this.iqres(n, [])
    }
    if (n.tag === 'message') {
      const encs = []
      const part = child(n, 'participants')
      const items = part
        ? children(part, 'to').map((t) => [t.attrs.jid, child(t, 'enc')])
        : [[n.attrs.to, child(n, 'enc')]]
      for (const [to, enc] of items)
        if (enc) {
          const user = to.replace(/:\d+@/, '@')
          const P = peer(user)
          const from = this.dev.user + '.1'
          const cipher = new libsignal.SessionCipher(P.storage, new libsignal.ProtocolAddress(this.dev.user, 1))
          try {
            const pt =
              enc.attrs.type === 'pkmsg'
                ? await cipher.decryptPreKeyWhisperMessage(enc.content)
                : await cipher.decryptWhisperMessage(enc.content)
            const m = proto.Message.decode(baileys.unpadRandomMax16(pt))
            const o = proto.Message.toObject(m, { bytes: String, longs: String })
            encs.push([to, o])
          } catch (e) {
            encs.push([to, 'ERR ' + e.message])
            // Our own phone is left out: nobody reads there.
            if (!user.startsWith(this.dev.user)) this.askAgain(n.attrs.id, to, P)
          }
        }
      state.received.push({ to: n.attrs.to, id: n.attrs.id, messages: encs, tags: (n.content || []).map((x) => x.tag) })
      if (!silent)
        this.send({
          tag: 'ack',
          attrs: { class: 'message', id: n.attrs.id, from: n.attrs.to, t: '' + Math.floor(Date.now() / 1000) },
        })
      return
    }
    if (n.tag === 'receipt' && n.attrs.type === 'read') {
      const others = children(child(n, 'list') || { content: [] }, 'item').map((item) => item.attrs.id)
      state.read.push({ chat: n.attrs.to, ids: [n.attrs.id, ...others] })
    }
    if (n.tag === 'presence') state.presences.push({ user: this.dev.user, type: n.attrs.type })
    if (n.tag === 'chatstate') state.typing.push({ chat: n.attrs.to, state: n.content[0].tag })
    // What it could not decrypt it acknowledges, too, each time after it has asked for it again.
    const askedFor = this.dev?.undecrypted.get(n.attrs.id)
    if (n.tag === 'ack' && askedFor) {
      this.dev.undecrypted.set(n.attrs.id, askedFor - 1)
      return
    }
    if ((n.tag === 'receipt' && n.attrs.type !== 'retry') || n.tag === 'ack') {
      if (this.dev?.unacknowledged.delete(n.attrs.id))
        state.confirmedAfter.push(Date.now() - deliveredAt.get(n.attrs.id))
    }
    if (n.tag === 'receipt' && n.attrs.type === 'retry') {
      this.dev?.undecrypted.set(n.attrs.id, (this.dev.undecrypted.get(n.attrs.id) || 0) + 1)
      state.retries++
      const m = sentMsgs.get(n.attrs.id)
      const keys = child(n, 'keys')
      if (m) {
        const P = peer(m.from)
        const addr = new libsignal.ProtocolAddress(this.dev.user, 1)
        const p5 = (b) => Buffer.concat([Buffer.from([5]), Buffer.from(b)])
        if (keys) {
          delete P.sessions[addr.toString()]
          const k = child(keys, 'key'),
            sk = child(keys, 'skey')
          const I = (b) => Buffer.from(b).readUIntBE(0, b.length)
          await new libsignal.SessionBuilder(P.storage, addr).initOutgoing({
            registrationId: this.dev.reg,
            identityKey: p5(child(keys, 'identity').content),
            signedPreKey: {
              keyId: I(child(sk, 'id').content),
              publicKey: p5(child(sk, 'value').content),
              signature: Buffer.from(child(sk, 'signature').content),
            },
            preKey: { keyId: I(child(k, 'id').content), publicKey: p5(child(k, 'value').content) },
          })
        }
        await deliver(this.dev.user, m.from, m.notify, m.msgObj, { ...m.extra, id: n.attrs.id })
      }
    }
  }
}
const pending = new Set()
let silent = false
async function deliver(devUser, from, notify, msgObj, extra = {}) {
  const dev = devices.get(devUser)
  const P = peer(from)
  const addr = new libsignal.ProtocolAddress(dev.user, 1)
  if (!(await P.storage.loadSession(addr.toString()))) {
    const pk = dev.prekeys.shift()
    const p5 = (b) => Buffer.concat([Buffer.from([5]), b])
    await new libsignal.SessionBuilder(P.storage, addr).initOutgoing({
      registrationId: dev.reg,
      identityKey: p5(dev.idKey),
      signedPreKey: { keyId: dev.spk.id, publicKey: p5(dev.spk.pub), signature: dev.spk.sig },
      preKey: { keyId: pk.id, publicKey: p5(pk.pub) },
    })
  }
  const id = extra.id || '3EB0' + crypto.randomBytes(8).toString('hex').toUpperCase()
  sentMsgs.set(id, { from, notify, msgObj, extra })
  const pad = baileys.encodeWAMessage(proto.Message.fromObject(msgObj))
  const { type, body } = await new libsignal.SessionCipher(P.storage, addr).encrypt(pad)
  const encAttrs = { v: '2', type: type === 3 ? 'pkmsg' : 'msg' }
  if (extra.mediatype) encAttrs.mediatype = extra.mediatype
  const message = {
    tag: 'message',
    attrs: {
      from,
      type: extra.mediatype ? 'media' : 'text',
      id,
      t: '' + Math.floor(Date.now() / 1000),
      notify,
      ...(extra.attrs || {}),
    },
    content: [
      { tag: 'enc', attrs: encAttrs, content: Buffer.from(body, typeof body === 'string' ? 'binary' : undefined) },
    ],
  }
  // Without a connection it comes when the device is there again.
  dev.unacknowledged.set(id, message)
  deliveredAt.set(id, Date.now())
  dev.conn?.send(message)
  return id
}
const blobs = new Map(),
  sentMsgs = new Map(),
  deliveredAt = new Map()
function handleHttp(req, res) {
  const u = new URL(req.url, 'http://x')
  const bod = []
  req.on('data', (d) => bod.push(d))
  req.on('end', async () => {
    const body = Buffer.concat(bod)
    try {
      if (u.pathname === '/control/scan') {
        const identity = body.toString().split(',')[2]
        const c = [...pending].find(
          (each) => Buffer.from(each.reg.devicePairingData.eIdent).toString('base64') === identity,
        )
        if (!c) {
          res.writeHead(404)
          return res.end('no such code')
        }
        return res.end(JSON.stringify(await c.pair(body.toString())))
      }
      if (u.pathname === '/control/deliver') {
        const j = JSON.parse(body)
        return res.end(JSON.stringify({ id: await deliver(j.dev, j.from, j.notify, j.message, j.extra) }))
      }
      if (u.pathname === '/control/state') {
        const connected = [...devices.values()].filter((device) => device.conn).map((device) => device.user)
        const unacknowledged = [...devices.values()].flatMap((device) => [...device.unacknowledged.keys()])
        return res.end(JSON.stringify({ ...state, connected, devices: [...devices.keys()], unacknowledged }))
      }
      if (u.pathname === '/control/receipt') {
        // A customer's phone has got what the device sent.
        const { dev, from, id } = JSON.parse(body)
        const t = '' + Math.floor(Date.now() / 1000)
        devices.get(dev).conn.send({ tag: 'receipt', attrs: { from, id, t } })
        return res.end('ok')
      }
      if (u.pathname === '/control/compose') {
        // As a phone says while somebody writes; devices hear of it that are online.
        const { dev, from, attrs } = JSON.parse(body)
        const content = [{ tag: 'composing', attrs: {} }]
        devices.get(dev).conn.send({ tag: 'chatstate', attrs: { from, ...attrs }, content })
        return res.end('ok')
      }
      if (u.pathname === '/control/silent') {
        silent = body.toString() === 'true'
        return res.end('ok')
      }
      if (u.pathname === '/control/drop') {
        for (const d of devices.values()) d.conn?.ws.terminate()
        return res.end('ok')
      }
      if (u.pathname === '/control/replace') {
        // What a device hears when another one comes with the same keys.
        for (const d of devices.values()) {
          d.conn?.send({
            tag: 'stream:error',
            attrs: {},
            content: [{ tag: 'conflict', attrs: { type: 'replaced' } }],
          })
          const conn = d.conn
          d.conn = null
          setTimeout(() => conn?.ws.close(), 30)
        }
        return res.end('ok')
      }
      if (u.pathname === '/control/blob') {
        const p = '/v/t62/' + crypto.randomBytes(8).toString('hex')
        blobs.set(p, body)
        return res.end(JSON.stringify({ path: p }))
      }
      if (u.pathname === '/control/remove') {
        const d = devices.get(u.searchParams.get('user'))
        devices.delete(d.user)
        d.conn?.send({
          tag: 'stream:error',
          attrs: { code: '401' },
          content: [{ tag: 'conflict', attrs: { type: 'device_removed' } }],
        })
        setTimeout(() => d.conn?.ws.close(), 30)
        return res.end('ok')
      }
      if (u.pathname.startsWith('/mms/') || u.pathname.startsWith('/newsletter/')) {
        const p = '/v/t62/' + crypto.randomBytes(8).toString('hex')
        blobs.set(p, body)
        return res.end(
          JSON.stringify({ url: 'https://mmg.whatsapp.net' + p + '?ccb=1', direct_path: p + '?ccb=1', handle: 'h' }),
        )
      }
      if (blobs.has(u.pathname)) {
        return res.end(blobs.get(u.pathname))
      }
      res.writeHead(404)
      res.end()
    } catch (e) {
      console.error(e)
      res.writeHead(500)
      res.end(String(e))
    }
  })
}
const wss = new WebSocketServer({ noServer: true })
const up = (r, s, h) => wss.handleUpgrade(r, s, h, (ws) => new Conn(ws))
const [key, cert] = process.argv.slice(2).map((path) => fs.readFileSync(path))
const tls = https.createServer({ key, cert }, handleHttp).on('upgrade', up)
const plain = http.createServer(handleHttp).on('upgrade', up)
plain.on('connect', (req, sock, head) => {
  const s = net.connect(tls.address().port, '127.0.0.1', () => {
    sock.write('HTTP/1.1 200 OK\r\n\r\n')
    s.write(head)
    s.pipe(sock)
    sock.pipe(s)
  })
  s.on('error', () => sock.destroy())
  sock.on('error', () => s.destroy())
})
tls.listen(0, '127.0.0.1', () =>
  plain.listen(0, '127.0.0.1', () =>
    console.log(JSON.stringify({ port: plain.address().port, root: root.public.toString('hex') })),
  ),
)
// The test that started it holds the other end.
process.stdin.on('end', () => process.exit(0)).resume()
