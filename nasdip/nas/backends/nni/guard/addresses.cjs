'use strict';
// The addresses that the other parts share: those which nasdip nnictl allows, and those of this machine.

const os = require('os');

const LISTEN = (process.env.NASDIP_NNI_LISTEN || '').toLowerCase();
const ALLOW = (process.env.NASDIP_NNI_ALLOW || '').split(',').map((item) => item.trim()).filter(Boolean);
const WILDCARDS = ['', '0.0.0.0', '::'];
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

function isLoopback(address) {
  return address === '' || LOOPBACK_NAMES.includes(address) || /^127(\.\d+){3}$/.test(address);
}

function ownAddresses() {
  return Object.values(os.networkInterfaces()).flat().map((item) => item.address.toLowerCase());
}

function withoutMapping(address) {
  return (address || '').toLowerCase().replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
}

module.exports = { LISTEN, ALLOW, WILDCARDS, LOOPBACK_NAMES, isLoopback, ownAddresses, withoutMapping };
