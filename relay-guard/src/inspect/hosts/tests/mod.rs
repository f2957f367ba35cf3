mod bots;
mod bounds;
mod honest;
mod networks;
mod releases;
mod saved;
mod signals;
