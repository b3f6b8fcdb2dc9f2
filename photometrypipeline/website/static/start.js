"use strict";
/* Starts what there is on this page. */

PP.startStars?.();
PP.startMarks?.();
PP.startOverlays();
PP.startPlots();
PP.startRows();
PP.startLongTables?.();
PP.startPlayers?.();
