import { Module } from '@nestjs/common';
import { DeliveriesController } from './deliveries.controller.js';
import { DeliveryRepository } from './delivery.repository.js';
import { Releases } from './releases.js';

@Module({ controllers: [DeliveriesController], providers: [DeliveryRepository, Releases] })
export class DeliveriesModule {}
