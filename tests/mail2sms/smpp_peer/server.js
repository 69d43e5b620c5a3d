// An SMSC made of npm's smpp. Usage: node server.js SYSTEM_ID PASSWORD [KEY_FILE CERTIFICATE_FILE]
// Writes "ready PORT", then one JSON line for each PDU that comes. What it does with a message is in the message:
//   "throttle"  the first time it is refused with ESME_RTHROTTLED
//   "refuse"    ESME_RINVDSTADR
//   "mo TEXT"   the handset answers TEXT
//   "ask"       it sends query_sm, which no client has to know, and says what came back
//   "unbind"    it ends the login
// Every message is reported: the id is hexadecimal in the answer and decimal in the receipt.
'use strict';
const fs = require('fs');
const smpp = require('smpp');

const [systemId, password, key, cert] = process.argv.slice(2);
const options = key ? { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } : {};
let count = 0xabc0;
let throttled = 0;

const say = (what) => console.log(JSON.stringify(what));
const two = (number) => String(number).padStart(2, '0');

function date(at) {
  const parts = [at.getUTCFullYear() % 100, at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes()];
  return parts.map(two).join('');
}

function textOf(pdu) {
  const content = pdu.message_payload || pdu.short_message;
  return typeof content.message === 'string' ? content.message : content.message.toString('latin1');
}

function report(session, pdu, id) {
  const now = date(new Date());
  session.deliver_sm({
    esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    short_message: `id:${id} sub:001 dlvrd:001 submit date:${now} done date:${now} stat:DELIVRD err:000 text:`,
  }, (answer) => say({ command: answer.command, status: answer.command_status, receipt: id }));
}

function mo(session, pdu, text) {
  const parts = text.length > 60 ? text.match(/[^]{1,60}/g) : [text];
  parts.forEach((part, index) => {
    const udh = Buffer.from([5, 0, 3, 99, parts.length, index + 1]);
    session.deliver_sm({
      source_addr_ton: smpp.TON.INTERNATIONAL,
      source_addr_npi: smpp.NPI.ISDN,
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      esm_class: parts.length > 1 ? smpp.ESM_CLASS.UDH_INDICATOR : 0,
      short_message: parts.length > 1 ? { udh, message: part } : part,
    }, (answer) => say({ command: answer.command, status: answer.command_status, mo: index + 1 }));
  });
}

function onSubmit(session, pdu) {
  const text = textOf(pdu);
  const content = pdu.message_payload || pdu.short_message;
  say({
    command: pdu.command,
    text,
    udh: content.udh ? Buffer.concat([].concat(content.udh)).toString('hex') : '',
    by: pdu.message_payload ? 'payload' : 'short_message',
    sar: pdu.sar_total_segments ? [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum] : null,
    source: [pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr],
    dest: [pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr],
    esm_class: pdu.esm_class,
    data_coding: pdu.data_coding,
    priority_flag: pdu.priority_flag,
    registered_delivery: pdu.registered_delivery,
    validity_period: pdu.validity_period ? new Date(pdu.validity_period).toISOString() : null,
  });
  if (text === 'throttle' && throttled++ === 0) {
    session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    return;
  }
  if (text === 'refuse') {
    session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
    return;
  }
  const id = ++count;
  session.send(pdu.response({ message_id: id.toString(16).toUpperCase() }));
  report(session, pdu, id);
  if (text.startsWith('mo ')) mo(session, pdu, text.slice(3));
  if (text === 'ask') session.query_sm({ message_id: '1' }, (answer) => say({ command: answer.command, status: answer.command_status }));
  if (text === 'unbind') session.unbind((answer) => { say({ command: answer.command }); session.close(); });
}

const server = smpp.createServer(options, (session) => {
  session.on('error', (error) => say({ error: String(error) }));
  session.on('pdu', (pdu) => {
    if (pdu.command.startsWith('bind_') && !pdu.isResponse()) {
      const { command, system_id, system_type, interface_version } = pdu;
      say({ command, system_id, system_type, interface_version });
      const isRight = system_id === systemId && pdu.password === password;
      const status = isRight ? smpp.ESME_ROK : smpp.ESME_RINVPASWD;
      session.send(pdu.response({ command_status: status, system_id: 'node' }));
    } else if (pdu.command === 'submit_sm') {
      onSubmit(session, pdu);
    } else if (pdu.command === 'enquire_link' || pdu.command === 'unbind') {
      say({ command: pdu.command });
      session.send(pdu.response());
      if (pdu.command === 'unbind') session.close();
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
