mod bots;
mod bounds;
mod honest;
mod saved;
mod signals;
