// Pages work without this: it only keeps them fresh.
"use strict";
