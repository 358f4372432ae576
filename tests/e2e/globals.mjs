// Loaded before every test (tools/run_tests): the Node 18 of Debian 12 has File in
// node:buffer only, and the openai package asks for the global one to upload.
import { File } from 'node:buffer';

globalThis.File ??= File;
